// An example of the library: scores the rows of a table, or draws samples. Tables are plain: a line of names, then
// lines of numbers, and of labels where a column of the context has categories, with commas between.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"flowbundle"
)

const usage = "usage: score BUNDLE < rows.csv | sample BUNDLE N SEED; golden, bench and all options need Python 3.11 " +
	"or later"

// errSaid is of a fault that was told where it was asked.
var errSaid = errors.New("")

// cellsOf cuts a line at its commas.
func cellsOf(lines *bufio.Scanner) ([]string, error) {
	if strings.Contains(lines.Text(), `"`) {
		return nil, fmt.Errorf("standard input: quotes need Python; see README.md: %s", lines.Text())
	}
	return strings.Split(lines.Text(), ","), nil
}

func numberOf(cell string) (float64, error) {
	number, err := strconv.ParseFloat(cell, 64)
	if err != nil {
		return 0, fmt.Errorf("standard input: %q is no number", cell)
	}
	return number, nil
}

// textOf gives the shortest text that reads back the same number of the model's type.
func textOf(number float64, manifest *flowbundle.Manifest) string {
	bits := map[string]int{"float32": 32, "float64": 64}[manifest.Dtype]
	return strings.ToLower(strconv.FormatFloat(number, 'g', -1, bits))
}

func printScores(model *flowbundle.Model, x, context *flowbundle.Rows64, out *bufio.Writer) error {
	if model.Manifest().ContextSize == 0 {
		context = nil
	}
	scores, err := model.LogProb64(x, context)
	for _, score := range scores {
		fmt.Fprint(out, textOf(score, model.Manifest()))
		if percentile, found := model.Percentile64(score); found {
			fmt.Fprint(out, ",", percentile)
		}
		fmt.Fprintln(out)
	}
	return err
}

func score(model *flowbundle.Model, out *bufio.Writer) error {
	manifest, lines := model.Manifest(), bufio.NewScanner(os.Stdin)
	lines.Scan()
	header, err := cellsOf(lines)
	if err != nil {
		return err
	}
	var columns []flowbundle.ContextFeature
	for _, name := range manifest.Features {
		columns = append(columns, flowbundle.ContextFeature{Name: name})
	}
	columns = append(columns, manifest.Context...)
	for _, column := range columns {
		if !slices.Contains(header, column.Name) {
			return fmt.Errorf("standard input: no column %q", column.Name)
		}
	}
	titles := "log_prob,percentile"
	if manifest.Reference == nil {
		titles = "log_prob"
	}
	fmt.Fprintln(out, titles)
	x, context := &flowbundle.Rows64{Shape: manifest.EventShape}, &flowbundle.Rows64{Shape: []int{manifest.ContextSize}}
	for lines.Scan() {
		cells, err := cellsOf(lines)
		if err != nil {
			return err
		}
		if len(cells) != len(header) {
			return fmt.Errorf("standard input: expected %d cells: %s", len(header), lines.Text())
		}
		for i, column := range columns {
			cell := cells[slices.Index(header, column.Name)]
			var value float64
			if column.Categories != nil {
				code, fault := model.Category(column.Name, cell)
				value, err = float64(code), fault
			} else {
				value, err = numberOf(cell)
			}
			if err != nil {
				return err
			}
			if i < len(manifest.Features) {
				x.Data = append(x.Data, value)
			} else {
				context.Data = append(context.Data, value)
			}
		}
		if x.Len() == flowbundle.BlockRows {
			if err := printScores(model, x, context, out); err != nil {
				return err
			}
			x.Data, context.Data = nil, nil
		}
	}
	if lines.Err() != nil {
		return fmt.Errorf("standard input: %w", lines.Err())
	}
	return printScores(model, x, context, out)
}

func sample(model *flowbundle.Model, rows, seed string, out *bufio.Writer) error {
	count, err := strconv.ParseUint(rows, 10, 63)
	number, fault := strconv.ParseUint(seed, 10, 64)
	if err != nil || fault != nil {
		return errors.New(usage)
	}
	fmt.Fprintln(out, strings.Join(model.Manifest().Features, ","))
	for first := uint64(0); first < count; first += flowbundle.BlockRows {
		x, err := model.SampleRange64(first, int(min(flowbundle.BlockRows, count-first)), number, 1, nil)
		if err != nil {
			return err
		}
		for row := range x.Len() {
			var cells []string
			for _, number := range x.Row(row) {
				cells = append(cells, textOf(number, model.Manifest()))
			}
			if _, err := fmt.Fprintln(out, strings.Join(cells, ",")); err != nil {
				return err
			}
		}
	}
	return nil
}

func command(arguments []string) error {
	switch {
	case len(arguments) > 1 && arguments[0] == "run": // what ../../drive.sh asks for
		return run(arguments[1], arguments[2:]...)
	case !(len(arguments) == 2 && arguments[0] == "score") && !(len(arguments) == 4 && arguments[0] == "sample"):
		return errors.New(usage)
	}
	model, err := flowbundle.Open(arguments[1])
	if err != nil {
		return err
	}
	defer model.Close()
	out := bufio.NewWriter(os.Stdout)
	if len(arguments) == 2 {
		err = score(model, out)
	} else {
		err = sample(model, arguments[2], arguments[3], out)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

func main() {
	err := command(os.Args[1:])
	if err == nil {
		return
	}
	if !errors.Is(err, errSaid) {
		fmt.Fprintln(os.Stderr, "flow:", oneLine(err.Error()))
	}
	os.Exit(2)
}

// oneLine replaces what would break a line: names come from the bundle and may hold anything.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
