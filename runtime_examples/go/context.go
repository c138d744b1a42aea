package flowbundle

import "strings"

// A conditioner gives the contexts of a block of rows, checked before anything is run.
type conditioner struct {
	width int
	// each has a context for each row; same has the one for all, as often as a block has rows.
	each, same []float32
}

// checkContext holds what was given for so many rows to the columns of the model.
func checkContext(columns []ContextFeature, given *Rows, rows int) (*conditioner, error) {
	width := len(columns)
	switch {
	case given == nil && width == 0:
		return &conditioner{}, nil
	case given == nil:
		var names []string
		for _, column := range columns {
			names = append(names, column.Name)
		}
		return nil, inputError(MissingContext, "context: this model needs %d numbers (%s)", width, strings.Join(names, ", "))
	case width == 0:
		return nil, inputError(WrongShape, "context: this model takes none")
	}
	count, err := given.count("context", width)
	if err != nil {
		return nil, err
	}
	if count != 1 && count != rows {
		return nil, inputError(WrongShape, "context: expected 1 row or %d, got %d", rows, count)
	}
	for i, value := range given.Data {
		if column := columns[i%width]; !column.Admits(value) {
			return nil, inputError(UnknownCategory,
				"context: row %d, column %q: %v is the code of no category", i/width+1, column.Name, value)
		}
	}
	if count == rows {
		return &conditioner{width: width, each: given.Data}, nil
	}
	same := make([]float32, 0, min(rows, BlockRows)*width)
	for range min(rows, BlockRows) {
		same = append(same, given.Data...)
	}
	return &conditioner{width: width, same: same}, nil
}

// of gives the contexts of the rows start … stop − 1.
func (c *conditioner) of(start, stop int) []float32 {
	if c.each != nil {
		return c.each[start*c.width : stop*c.width]
	}
	return c.same[:(stop-start)*c.width]
}
