package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"flowbundle"
)

// score reads CSV rows and writes log_prob and percentile, a block at a time.
func score(bundle string, in io.Reader, out *bufio.Writer, errs io.Writer) error {
	model, err := flowbundle.Open(bundle)
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
	out.WriteString(header)
	for {
		x, context, err := table.block()
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		if x.Len() == 0 {
			return nil
		}
		scores, err := model.LogProb(x, context)
		if err != nil {
			return err
		}
		for _, logProb := range scores {
			line := appendShortest(nil, float64(logProb), 32)
			if percentile, found := model.Percentile(logProb); found {
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
	// names of features, then context, and where each column lies.
	names     []string
	positions []int
	row       int
}

func openTable(in io.Reader, manifest *flowbundle.Manifest) (*table, error) {
	buffered := bufio.NewReader(in)
	if mark, _ := buffered.Peek(3); bytes.Equal(mark, []byte("\ufeff")) {
		buffered.Discard(3)
	}
	t := &table{reader: csv.NewReader(buffered), manifest: manifest, names: manifest.Features[:len(manifest.Features):len(manifest.Features)]}
	for _, column := range manifest.Context {
		t.names = append(t.names, column.Name)
	}
	header, err := t.reader.Read()
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("header: %w", err)
	}
	for _, name := range t.names {
		position, err := find(header, name)
		if err != nil {
			return nil, err
		}
		t.positions = append(t.positions, position)
	}
	t.reader.ReuseRecord = true
	return t, nil
}

// find gives the place of a column in a header.
func find(header []string, name string) (int, error) {
	position := -1
	for i, column := range header {
		if strings.TrimSpace(column) != strings.TrimSpace(name) {
			continue
		}
		if position >= 0 {
			return 0, fmt.Errorf("header: column %q is there twice", name)
		}
		position = i
	}
	if position < 0 {
		return 0, fmt.Errorf("header: no column %q", name)
	}
	return position, nil
}

// block gives the next rows, and their contexts where the model takes some; no rows at the end.
func (t *table) block() (x, context *flowbundle.Rows, err error) {
	x = &flowbundle.Rows{Shape: t.manifest.EventShape}
	if width := len(t.manifest.Context); width > 0 {
		context = &flowbundle.Rows{Shape: []int{width}}
	}
	for range flowbundle.BlockRows {
		record, err := t.reader.Read()
		if err == io.EOF {
			break
		}
		t.row++
		if errors.Is(err, csv.ErrFieldCount) {
			return nil, nil, fmt.Errorf("row %d: expected %d cells, got %d", t.row, t.reader.FieldsPerRecord, len(record))
		}
		if err != nil {
			return nil, nil, fmt.Errorf("row %d: %w", t.row, err)
		}
		for i, position := range t.positions {
			number, err := t.cell(i, record[position])
			if err != nil {
				return nil, nil, fmt.Errorf("row %d, column %q: %w", t.row, t.names[i], err)
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

// cell reads the cell of a column, a feature or one of the context.
func (t *table) cell(column int, text string) (float32, error) {
	if column < len(t.manifest.Features) {
		return parseNumber(text)
	}
	return parseContext(text, t.manifest.Context[column-len(t.manifest.Features)])
}
