package flowbundle

import (
	"errors"
	"fmt"
)

// A BundleError says that a bundle breaks its contract: a file, a key, a hash, or a graph that cannot be run.
type BundleError struct {
	// Path is the file at fault.
	Path string
	// Reason begins with the key, where there is one.
	Reason string
}

func (e *BundleError) Error() string { return e.Path + ": " + e.Reason }

// An InputError says that what was handed to a model does not fit it. It wraps its Code:
//
//	if errors.Is(err, flowbundle.WrongShape) { … }
type InputError struct {
	Code Code
	// Reason says which argument, what was expected, and what was given.
	Reason string
}

func (e *InputError) Error() string { return e.Reason }

// Unwrap gives the code.
func (e *InputError) Unwrap() error { return e.Code }

// A RuntimeError says that ONNX Runtime cannot be had.
type RuntimeError struct{ Reason string }

func (e *RuntimeError) Error() string { return e.Reason }

// ErrClosed is given by a model that was closed.
var ErrClosed = errors.New("the model was closed")

// A Code says how an input does not fit a model.
type Code string

// The first three are those that golden cases expect.
const (
	// WrongShape is said of rows of another shape, of a number of contexts that does not fit, and of a context that
	// nothing asks for.
	WrongShape Code = "wrong_shape"
	// MissingContext is said where the model needs a context and was given none.
	MissingContext Code = "missing_context"
	// WrongDtype is said of numbers of float64 in a file that is to hold the input of a model of float32.
	WrongDtype Code = "wrong_dtype"
	// UnknownCategory is said of a code that none of the context's categories has.
	UnknownCategory Code = "unknown_category"
	// WrongValue is said of a number that cannot be, whatever the model: a negative temperature.
	WrongValue Code = "wrong_value"
)

func (c Code) Error() string { return string(c) }

func inputError(code Code, format string, arguments ...any) error {
	return &InputError{code, fmt.Sprintf(format, arguments...)}
}
