package flowbundle

import (
	"fmt"
	"slices"
)

// BlockRows is how many rows are run at once. More are run in blocks of so many: activations stay in the
// processor's cache, and the runtime's memory does not grow with the rows.
const BlockRows = 1024

// Rows are rows of numbers, one after the other, each of the same shape and in C order.
type Rows struct {
	// Data holds the numbers of all rows.
	Data []float32
	// Shape is that of one row: [2] for two features, [1, 8, 8] for an image.
	Shape []int
}

// RowsOf makes rows of one axis. Those of different lengths have no shape, and fit no model.
func RowsOf(rows ...[]float32) *Rows {
	all := &Rows{Data: slices.Concat(rows...)}
	for _, row := range rows {
		if len(row) != len(rows[0]) {
			return all
		}
	}
	if len(rows) > 0 {
		all.Shape = []int{len(rows[0])}
	}
	return all
}

// Len is the number of rows.
func (r *Rows) Len() int {
	if r.width() == 0 {
		return 0
	}
	return len(r.Data) / r.width()
}

// Row gives the numbers of a row.
func (r *Rows) Row(i int) []float32 { return r.Data[i*r.width() : (i+1)*r.width()] }

// Slice gives the rows start … stop − 1, or nil where there are fewer.
func (r *Rows) Slice(start, stop int) *Rows {
	if start < 0 || start > stop || stop > r.Len() {
		return nil
	}
	return &Rows{r.Data[start*r.width() : stop*r.width()], r.Shape}
}

func (r *Rows) width() int { return product(r.Shape) }

// count gives the number of rows, if they are whole ones of a shape; the name is for messages.
func (r *Rows) count(name string, shape ...int) (int, error) {
	var found any
	switch {
	case r == nil:
		found = "nil"
	case !slices.Equal(r.Shape, shape):
		found = r.Shape
	case len(r.Data)%r.width() != 0:
		found = fmt.Sprint(len(r.Data), " numbers")
	default:
		return r.Len(), nil
	}
	return 0, inputError(WrongShape, "%s: expected rows of shape %v, got %v", name, shape, found)
}

// context holds what was given for so many rows to the columns of the model, and gives the contexts of the rows
// start … stop − 1: nil for a model without.
func (m *Manifest) context(given *Rows, rows int) (func(start, stop int) *Rows, error) {
	switch {
	case given == nil && m.ContextSize == 0:
		return func(_, _ int) *Rows { return nil }, nil
	case given == nil:
		return nil, inputError(MissingContext, "context: this model needs rows of %v", m.Context)
	case m.ContextSize == 0:
		return nil, inputError(WrongShape, "context: this model takes none")
	}
	count, err := given.count("context", m.ContextSize)
	if err != nil {
		return nil, err
	}
	if count != 1 && count != rows {
		return nil, inputError(WrongShape, "context: expected 1 row or %d, got %d", rows, count)
	}
	for i, value := range given.Data {
		if column := m.Context[i%m.ContextSize]; !column.Admits(value) {
			return nil, inputError(UnknownCategory,
				"context: row %d, column %q: %v is the code of no category", i/m.ContextSize+1, column.Name, value)
		}
	}
	if count == rows {
		return given.Slice, nil
	}
	same := &Rows{slices.Repeat(given.Data, min(rows, BlockRows)), given.Shape}
	return func(start, stop int) *Rows { return same.Slice(0, stop-start) }, nil
}

// product of the sizes of a shape; 1 for none.
func product(shape []int) int {
	size := 1
	for _, axis := range shape {
		size *= axis
	}
	return size
}
