package golden

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"flowbundle"
)

func npyFile(header, body string) []byte {
	header += "   \n"
	file := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	return append(append(file, header...), body...)
}

func npyHeaderOf(descr, fortran, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, fortran, shape)
}

func TestNpyHasBothKindsOfElementAndAnyNumberOfAxes(t *testing.T) {
	numbers := []float32{1, -2.5, 0, 3.25, 4, 1e-30}
	body, err := binary.Append(nil, binary.LittleEndian, numbers)
	if err != nil {
		t.Fatal(err)
	}
	for text, shape := range map[string][]int{"(3, 2)": {3, 2}, "(6,)": {6}, "(1, 2, 3)": {1, 2, 3}} {
		array, err := parseNpy(npyFile(npyHeaderOf("<f4", "False", text), string(body)))
		if err != nil || !reflect.DeepEqual(array, &Array{Shape: shape, Float32: numbers}) {
			t.Errorf("%s: %v, %v", text, array, err)
		}
	}
	one := string(binary.LittleEndian.AppendUint64(nil, 0x3ff8000000000000))
	array, err := parseNpy(npyFile(npyHeaderOf("<f8", "False", "()"), one))
	if err != nil || len(array.Shape) != 0 || !reflect.DeepEqual(array.Widened(), []float64{1.5}) {
		t.Errorf("%v, %v", array, err)
	}
	array, err = parseNpy(npyFile(npyHeaderOf("<f4", "False", "(0, 2)"), ""))
	if err != nil || !reflect.DeepEqual(array.Shape, []int{0, 2}) || len(array.Float32) != 0 {
		t.Errorf("%v, %v", array, err)
	}
}

func TestNpyRefusesAnythingElse(t *testing.T) {
	good, eight := npyHeaderOf("<f4", "False", "(2,)"), strings.Repeat("\x00", 8)
	whole := npyFile(good, eight)
	if _, err := parseNpy(whole); err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{
		npyFile(good, eight[1:]),
		npyFile(good, eight+"\x00"),
		npyFile(npyHeaderOf("<f4", "True", "(2,)"), eight),
		npyFile(npyHeaderOf(">f4", "False", "(2,)"), eight),
		npyFile(npyHeaderOf("<i4", "False", "(2,)"), eight),
		npyFile(npyHeaderOf("<f4", "False", "(-2,)"), eight),
		npyFile(npyHeaderOf("<f4", "False", "(4294967296, 4294967296)"), ""),
		npyFile("{'shape': (2,), }", eight),
		append([]byte("\x93NUMPY\x02\x00"), whole[8:]...),
		whole[:20],
		whole[:9],
		nil,
	} {
		if array, err := parseNpy(bad); err == nil {
			t.Errorf("%q gave %v", bad, array)
		}
	}
}

func TestAnInputIsRowsOfTheModelsType(t *testing.T) {
	rows, err := (&Array{Shape: []int{2, 1, 3}, Float32: make([]float32, 6)}).Rows("float32")
	if err != nil || !reflect.DeepEqual(rows, &flowbundle.Rows64{Data: make([]float64, 6), Shape: []int{1, 3}}) {
		t.Errorf("%v, %v", rows, err)
	}
	if _, err := (&Array{Shape: []int{2}, Float64: []float64{0, 0}}).Rows("float32"); !errors.Is(err, flowbundle.WrongDtype) {
		t.Error(err)
	}
	if _, err := (&Array{Float32: []float32{0}}).Rows("float32"); !errors.Is(err, flowbundle.WrongShape) {
		t.Error(err)
	}
}
