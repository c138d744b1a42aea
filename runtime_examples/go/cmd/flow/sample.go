package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"flowbundle"
)

// A draw is what follows "sample BUNDLE".
type draw struct {
	count, seed uint64
	temperature float32
	context     *string
}

func parseDraw(arguments []string) (draw, error) {
	d := draw{temperature: 1}
	var words []string
	for i := 0; i < len(arguments); i++ {
		if arguments[i] != "--context" || d.context != nil {
			words = append(words, arguments[i])
			continue
		}
		if i++; i == len(arguments) {
			return d, errors.New("--context: expected V1,V2,…")
		}
		d.context = &arguments[i]
	}
	if len(words) < 2 || len(words) > 3 {
		return d, errors.New(usage)
	}
	var err error
	if d.count, err = whole("N", words[0]); err != nil {
		return d, err
	}
	if d.seed, err = whole("SEED", words[1]); err != nil {
		return d, err
	}
	if len(words) == 3 {
		temperature, err := parseNumber(words[2], "float32")
		if err != nil {
			return d, fmt.Errorf("TEMPERATURE: %w", err)
		}
		d.temperature = float32(temperature)
	}
	return d, nil
}

// whole reads a whole number of 64 bits.
func whole(name, text string) (uint64, error) {
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a whole number from 0 to 18446744073709551615", name, text)
	}
	return number, nil
}

// sample writes the rows of a seed, a block at a time.
func sample(bundle string, pin flowbundle.Option, d draw, out *bufio.Writer) error {
	model, err := flowbundle.Open(bundle, pin)
	if err != nil {
		return err
	}
	defer model.Close()
	var context *flowbundle.Rows64
	dtype := model.Manifest().Dtype
	if d.context != nil {
		if context, err = parseRow(*d.context, model.Manifest().Context, dtype); err != nil {
			return fmt.Errorf("--context: %w", err)
		}
	}
	// What is wrong with the arguments shows before the first line does.
	if _, err := model.SampleRange64(d.count, 0, d.seed, d.temperature, context); err != nil {
		return err
	}
	header := csv.NewWriter(out)
	if err := header.Write(model.Manifest().Features); err != nil {
		return err
	}
	header.Flush()
	for start := uint64(0); start < d.count; start += flowbundle.BlockRows {
		count := int(min(d.count-start, flowbundle.BlockRows))
		rows, err := model.SampleRange64(start, count, d.seed, d.temperature, context)
		if err != nil {
			return err
		}
		for i := range rows.Len() {
			var line []byte
			for _, number := range rows.Row(i) {
				line = append(appendShortest(line, number, bitsOf(dtype)), ',')
			}
			line[len(line)-1] = '\n'
			if _, err := out.Write(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseRow reads the row of --context.
func parseRow(text string, columns []flowbundle.ContextFeature, dtype string) (*flowbundle.Rows64, error) {
	cells := strings.Split(text, ",")
	if len(cells) != len(columns) {
		return nil, fmt.Errorf("expected %d values, got %d", len(columns), len(cells))
	}
	row := make([]float64, len(cells))
	for i, column := range columns {
		var err error
		if row[i], err = parseContext(cells[i], column, dtype); err != nil {
			return nil, fmt.Errorf("column %q: %w", column.Name, err)
		}
	}
	return flowbundle.RowsOf(row), nil
}
