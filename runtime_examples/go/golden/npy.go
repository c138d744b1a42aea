package golden

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"flowbundle"
)

// An Array is the content of an .npy file, its numbers in C order.
type Array struct {
	// Shape has the size of each axis; it is empty for a single number.
	Shape []int
	// Float32 holds the numbers of an input, Float64 those of an expected output; the other is nil.
	Float32 []float32
	Float64 []float64
}

var (
	npyMagic = []byte("\x93NUMPY\x01\x00")
	// The header exactly as NumPy writes it. Nothing of it is evaluated.
	npyHeader = regexp.MustCompile(
		`^\{'descr': '<f([48])', 'fortran_order': False, 'shape': \((\d{1,10}(?:, \d{1,10})*)?,?\), \} *\n$`)
)

var errNotNpy = errors.New("is not an .npy file of version 1.0 with <f4 or <f8 in C order")

// ReadArray gives a listed .npy file of a bundle.
func ReadArray(bundle *flowbundle.Bundle, name string) (*Array, error) {
	data, err := bundle.Read(name)
	if err != nil {
		return nil, err
	}
	array, err := parseNpy(data)
	if err != nil {
		return nil, bundle.Fault(name, err)
	}
	return array, nil
}

// parseNpy gives the array of an .npy file, or says why it is none.
func parseNpy(data []byte) (*Array, error) {
	rest, found := bytes.CutPrefix(data, npyMagic)
	if !found || len(rest) < 2 {
		return nil, errNotNpy
	}
	length := int(binary.LittleEndian.Uint16(rest))
	if rest = rest[2:]; len(rest) < length {
		return nil, errNotNpy
	}
	header, body := npyHeader.FindSubmatch(rest[:length]), rest[length:]
	if header == nil {
		return nil, errNotNpy
	}
	itemsize := int(header[1][0] - '0')
	shape, size := []int{}, itemsize
	for text := range strings.SplitSeq(string(header[2]), ", ") {
		if text == "" {
			continue
		}
		axis, err := strconv.Atoi(text)
		if err != nil || axis != 0 && size > math.MaxInt32/axis {
			return nil, errNotNpy
		}
		shape, size = append(shape, axis), size*axis
	}
	if size != len(body) {
		return nil, fmt.Errorf("%d bytes do not fill the shape %v of <f%d", len(body), shape, itemsize)
	}
	array := &Array{Shape: shape}
	if itemsize == 4 {
		array.Float32 = make([]float32, size/4)
		for i := range array.Float32 {
			array.Float32[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
		}
	} else {
		array.Float64 = make([]float64, size/8)
		for i := range array.Float64 {
			array.Float64[i] = math.Float64frombits(binary.LittleEndian.Uint64(body[8*i:]))
		}
	}
	return array, nil
}

// Rows gives the array as an input of a model: rows along its first axis. It is an [flowbundle.InputError] for float64
// where the model is of float32, and for a single number, which has no rows.
func (a *Array) Rows(dtype string) (*flowbundle.Rows64, error) {
	if a.Float32 == nil && dtype == "float32" {
		return nil, &flowbundle.InputError{Code: flowbundle.WrongDtype, Reason: "expected float32, got float64"}
	}
	if len(a.Shape) == 0 {
		return nil, &flowbundle.InputError{Code: flowbundle.WrongShape, Reason: "expected rows, got a single number"}
	}
	return &flowbundle.Rows64{Data: a.Widened(), Shape: a.Shape[1:]}, nil
}

// Widened gives the numbers in float64.
func (a *Array) Widened() []float64 {
	if a.Float32 == nil {
		return a.Float64
	}
	widened := make([]float64, len(a.Float32))
	for i, number := range a.Float32 {
		widened[i] = float64(number)
	}
	return widened
}
