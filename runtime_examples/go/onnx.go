package flowbundle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// messages has, by the name of a message and the number of a field, what the field is.
var messages = func() map[string]map[uint64]string {
	found := map[string]map[uint64]string{}
	for _, row := range strings.Split(fields, ";") {
		words := strings.Fields(row)
		found[words[0]] = map[uint64]string{}
		for i := 1; i < len(words); i += 2 {
			number, _ := strconv.ParseUint(words[i], 10, 64)
			found[words[0]][number] = words[i+1]
		}
	}
	return found
}()

var errShort = errors.New("is cut short")

// A message of protobuf: the last value of each of its fields, and how often it came.
type message struct {
	numbers map[uint64]uint64
	texts   map[uint64]string
	counts  map[uint64]int
}

// checkGraph refuses an ONNX file with anything that is not on the list: see docs/bundle.md.
func checkGraph(data []byte) error { return walk(data, "Model") }

// walk holds a message, and those in it, to the list. They lie no deeper in each other than the list lets them.
func walk(data []byte, name string) error {
	found := message{map[uint64]uint64{}, map[uint64]string{}, map[uint64]int{}}
	for len(data) > 0 {
		tag, used := binary.Uvarint(data)
		if used <= 0 {
			return errShort
		}
		data = data[used:]
		number, wire := tag>>3, tag&7
		kind, repeated := strings.CutSuffix(messages[name][number], "*")
		if kind == "" || !fits(kind, wire) {
			return fmt.Errorf("%s has the field %d, which is not on the list", name, number)
		}
		if found.counts[number]++; found.counts[number] > 1 && !repeated {
			return fmt.Errorf("%s has the field %d twice", name, number)
		}
		size, used := uint64(map[uint64]int{1: 8, 5: 4}[wire]), 0
		if wire == 0 || wire == 2 {
			if size, used = binary.Uvarint(data); used <= 0 {
				return errShort
			}
			data = data[used:]
		}
		if wire == 0 {
			found.numbers[number] = size
			continue
		}
		if size > uint64(len(data)) {
			return errShort
		}
		if messages[kind] != nil {
			if err := walk(data[:size], kind); err != nil {
				return err
			}
		} else if kind == "text" {
			found.texts[number] = string(data[:size])
		}
		data = data[size:]
	}
	return found.check(name)
}

// check holds a message to what it must say.
func (m message) check(name string) error {
	listed := func(list, word string) bool { return slices.Contains(strings.Fields(list), word) }
	element := strconv.FormatUint(m.numbers[map[string]uint64{"Tensor": 2, "TensorType": 1}[name]], 10)
	switch {
	case name == "Model" && (m.counts[7] != 1 || m.counts[8] != 1):
		return errors.New("expected one graph and one opset")
	case name == "Opset" && (m.texts[1] != "" || m.numbers[2] != opset):
		return fmt.Errorf("opset: expected %d of the standard domain alone", opset)
	case name == "Node" && (m.texts[7] != "" || !listed(operators, m.texts[4])):
		return fmt.Errorf("%.60q is not on the list of operators", m.texts[4])
	case strings.HasPrefix(name, "Tensor") && !listed(types, element):
		return fmt.Errorf("a tensor of the element type %s", element)
	}
	return nil
}

// fits tells whether protobuf may write what a field is in a way: 0 a varint, 1 and 5 of eight and four bytes, 2 with a
// length.
func fits(kind string, wire uint64) bool {
	own, number := map[string]uint64{"int": 0, "ints": 0, "float": 5, "floats": 5, "doubles": 1}[kind]
	if !number {
		return wire == 2
	}
	return wire == own || wire == 2 && strings.HasSuffix(kind, "s")
}
