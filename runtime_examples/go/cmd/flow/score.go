package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"flowbundle"
)

// score reads CSV rows and writes log_prob and percentile, a block at a time.
func score(bundle string, pin flowbundle.Option, in io.Reader, out *bufio.Writer, errs io.Writer) error {
	model, err := flowbundle.Open(bundle, pin)
	if err != nil {
		return err
	}
	defer model.Close()
	header := "log_prob,percentile\n"
	if model.Manifest().Reference == nil {
		header = "log_prob\n"
		fmt.Fprintf(errs, "flow: %s: the bundle has no reference rows, so there are no percentiles\n", oneLine(bundle))
	}
	table, err := openTable(in, model.Manifest())
	if err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	if _, err := out.WriteString(header); err != nil {
		return err
	}
	bits := bitsOf(model.Manifest().Dtype)
	for {
		x, context, err := table.block()
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		if x.Len() == 0 {
			return nil
		}
		scores, err := model.LogProb64(x, context)
		if err != nil {
			return err
		}
		for _, logProb := range scores {
			line := appendShortest(nil, logProb, bits)
			if percentile, found := model.Percentile64(logProb); found {
				line = appendShortest(append(line, ','), percentile, 64)
			}
			if _, err := out.Write(append(line, '\n')); err != nil {
				return err
			}
		}
	}
}

// A table is a CSV whose columns are found by name.
type table struct {
	reader   *csv.Reader
	manifest *flowbundle.Manifest
	// columns are features, then context, and where each lies.
	columns   []flowbundle.ContextFeature
	positions []int
	row       int
}

func openTable(in io.Reader, manifest *flowbundle.Manifest) (*table, error) {
	buffered := bufio.NewReader(in)
	if mark, _ := buffered.Peek(3); bytes.Equal(mark, []byte("\ufeff")) {
		buffered.Discard(3)
	}
	t := &table{reader: csv.NewReader(&lineEnds{from: buffered}), manifest: manifest}
	for _, name := range manifest.Features {
		t.columns = append(t.columns, flowbundle.ContextFeature{Name: name})
	}
	t.columns = append(t.columns, manifest.Context...)
	header, err := t.reader.Read()
	if err == nil {
		err = plain(header)
	}
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("header: %w", err)
	}
	positions := map[string]int{}
	for i, name := range header {
		if _, found := positions[name]; found {
			return nil, fmt.Errorf("header: column %q is there twice", name)
		}
		positions[name] = i
	}
	for _, column := range t.columns {
		position, found := positions[column.Name]
		if !found {
			return nil, fmt.Errorf("header: no column %q", column.Name)
		}
		t.positions = append(t.positions, position)
	}
	t.reader.ReuseRecord = true
	return t, nil
}

// lineEnds puts a NUL, which is no text either, in the place of a CR that no LF follows: encoding/csv drops some.
type lineEnds struct{ from *bufio.Reader }

func (l *lineEnds) Read(into []byte) (int, error) {
	count, err := l.from.Read(into)
	for i, character := range into[:count] {
		following := into[i+1 : count]
		if character == '\r' && len(following) == 0 {
			following, _ = l.from.Peek(1)
		}
		if character == '\r' && !bytes.HasPrefix(following, []byte("\n")) {
			into[i] = 0
		}
	}
	return count, err
}

// plain refuses cells that are no text.
func plain(record []string) error {
	for _, cell := range record {
		if strings.ContainsRune(cell, 0) {
			return errors.New("holds a NUL, or a CR that no LF follows")
		}
		if !utf8.ValidString(cell) {
			return errors.New("is not UTF-8")
		}
	}
	return nil
}

// block gives the next rows, and their contexts where the model takes some; no rows at the end.
func (t *table) block() (x, context *flowbundle.Rows64, err error) {
	x = &flowbundle.Rows64{Shape: t.manifest.EventShape}
	if width := len(t.manifest.Context); width > 0 {
		context = &flowbundle.Rows64{Shape: []int{width}}
	}
	for range flowbundle.BlockRows {
		record, err := t.reader.Read()
		if err == io.EOF {
			break
		}
		t.row++
		if err := plain(record); err != nil {
			return nil, nil, fmt.Errorf("row %d: %w", t.row, err)
		}
		if errors.Is(err, csv.ErrFieldCount) {
			return nil, nil, fmt.Errorf("row %d: expected %d cells, got %d", t.row, t.reader.FieldsPerRecord, len(record))
		}
		if err != nil {
			return nil, nil, fmt.Errorf("row %d: %w", t.row, err)
		}
		for i, position := range t.positions {
			number, err := parseCell(record[position], t.columns[i], t.manifest.Dtype)
			if err != nil {
				return nil, nil, fmt.Errorf("row %d, column %q: %w", t.row, t.columns[i].Name, err)
			}
			if i < len(t.manifest.Features) {
				x.Data = append(x.Data, number)
			} else {
				context.Data = append(context.Data, number)
			}
		}
	}
	return x, context, nil
}
