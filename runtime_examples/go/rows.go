package flowbundle

import (
	"fmt"
	"math"
	"slices"
)

// BlockRows is how many rows are run at once. More are run in blocks of so many: activations stay in the
// processor's cache, and the runtime's memory does not grow with the rows.
const BlockRows = 1024

// A Number is of one of the types that a bundle may be of.
type Number interface{ float32 | float64 }

// A Batch is rows of numbers, one after the other, each of the same shape and in C order.
type Batch[T Number] struct {
	// Data holds the numbers of all rows.
	Data []T
	// Shape is that of one row: [2] for two features, [1, 8, 8] for an image.
	Shape []int
}

type (
	// Rows are of float32, as most bundles are.
	Rows = Batch[float32]
	// Rows64 are of float64. Every model takes and gives either; one of float64 keeps all digits of these alone.
	Rows64 = Batch[float64]
)

// RowsOf makes rows of one axis. Those of different lengths have no shape, and fit no model.
func RowsOf[T Number](rows ...[]T) *Batch[T] {
	all := &Batch[T]{Data: slices.Concat(rows...)}
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
func (r *Batch[T]) Len() int {
	if r.width() == 0 {
		return 0
	}
	return len(r.Data) / r.width()
}

// Row gives the numbers of a row.
func (r *Batch[T]) Row(i int) []T { return r.Data[i*r.width() : (i+1)*r.width()] }

// Slice gives the rows start … stop − 1, or nil where there are fewer.
func (r *Batch[T]) Slice(start, stop int) *Batch[T] {
	if start < 0 || start > stop || stop > r.Len() {
		return nil
	}
	return &Batch[T]{r.Data[start*r.width() : stop*r.width()], r.Shape}
}

func (r *Batch[T]) width() int { return product(r.Shape) }

// count gives the number of rows, if they are whole ones of a shape; the name is for messages.
func (r *Batch[T]) count(name string, shape ...int) (int, error) {
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

// contextOf holds what was given for so many rows to the columns of the model, and gives the contexts of the rows
// start … stop − 1: nil for a model without.
func contextOf[T Number](m *Manifest, given *Batch[T], rows int) (func(start, stop int) *Batch[T], error) {
	switch {
	case given == nil && m.ContextSize == 0:
		return func(_, _ int) *Batch[T] { return nil }, nil
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
		if column := m.Context[i%m.ContextSize]; !column.Admits(float64(value)) {
			return nil, inputError(UnknownCategory,
				"context: row %d, column %q: %v is the code of no category", i/m.ContextSize+1, column.Name, value)
		}
	}
	if count == rows {
		return given.Slice, nil
	}
	same := &Batch[T]{slices.Repeat(given.Data, min(rows, BlockRows)), given.Shape}
	return func(start, stop int) *Batch[T] { return same.Slice(0, stop-start) }, nil
}

// as gives rows as numbers of another type; those of the same type are not copied.
func as[M, T Number](rows *Batch[T]) *Batch[M] {
	if same, found := any(rows).(*Batch[M]); found || rows == nil {
		return same
	}
	data := make([]M, len(rows.Data))
	for i, number := range rows.Data {
		data[i] = M(number)
	}
	return &Batch[M]{data, rows.Shape}
}

// floor puts −∞ in the place of scores that are NaN or +∞: the arithmetic ran over, and no row is that likely. Rows that
// hold a NaN themselves, in x or in the context, keep theirs.
func floor[T Number](scores []T, inputs ...*Batch[T]) {
	for i, score := range scores {
		undefined := func(rows *Batch[T]) bool {
			return rows != nil && slices.ContainsFunc(rows.Row(i), func(number T) bool { return number != number })
		}
		if !(score < T(math.Inf(1))) && !slices.ContainsFunc(inputs, undefined) {
			scores[i] = T(math.Inf(-1))
		}
	}
}

// product of the sizes of a shape; 1 for none.
func product(shape []int) int {
	size := 1
	for _, axis := range shape {
		size *= axis
	}
	return size
}
