package flowbundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A key is a place in flow.json, and what stands there. The first fault of the document is kept; what is read
// after it, or of it, is empty.
type key struct {
	fault *error
	path  string
	value any
}

// parseJSON reads a whole document.
func parseJSON(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("is not JSON (not UTF-8)")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	// Numbers as they were written: a float64 would hide a fraction, and lose digits of a large whole number.
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("is not JSON (%w)", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("is not JSON (more than one value)")
	}
	return value, nil
}

// fail keeps the first fault.
func (k key) fail(format string, arguments ...any) {
	if *k.fault == nil {
		reason := fmt.Sprintf(format, arguments...)
		if k.path != "" {
			reason = k.path + ": " + reason
		}
		*k.fault = errors.New(reason)
	}
}

// at gives the value of a name, which must be there, if only as null.
func (k key) at(name string) key {
	value, found := k.object()[name]
	below := k.below(name, value)
	if !found {
		below.fail("is missing")
	}
	return below
}

// has tells whether there is a value of a name that is not null.
func (k key) has(name string) bool { return k.object()[name] != nil }

func (k key) below(name string, value any) key {
	path := name
	if k.path != "" {
		path = k.path + "." + name
	}
	return key{k.fault, path, value}
}

func (k key) null() bool { return k.value == nil }

// names of an object, in order, so that the same fault is always the first.
func (k key) names() []string { return slices.Sorted(maps.Keys(k.object())) }

func (k key) object() map[string]any { return typed[map[string]any](k, "an object") }

func (k key) text() string { return typed[string](k, "text") }

func (k key) truth() bool { return typed[bool](k, "true or false") }

func (k key) number() float64 {
	number, err := strconv.ParseFloat(string(typed[json.Number](k, "a number")), 64)
	if err != nil {
		k.fail("expected a number")
	}
	return number
}

// whole gives a whole number between two, which are included.
func (k key) whole(least, most uint64) uint64 {
	number, err := strconv.ParseUint(string(typed[json.Number](k, "a number")), 10, 64)
	if err != nil || number < least || number > most {
		k.fail("expected a whole number from %d to %d", least, most)
		return least
	}
	return number
}

// list gives as many entries as there may be.
func (k key) list(least, most int) []key {
	values := typed[[]any](k, "a list")
	if len(values) < least || len(values) > most {
		k.fail("expected %s entries, got %d", between(least, most), len(values))
		return nil
	}
	entries := make([]key, len(values))
	for i, value := range values {
		entries[i] = key{k.fault, fmt.Sprintf("%s[%d]", k.path, i), value}
	}
	return entries
}

func between(least, most int) string {
	if least == most {
		return strconv.Itoa(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

func typed[T any](k key, name string) T {
	value, fits := k.value.(T)
	if !fits {
		k.fail("expected %s", name)
	}
	return value
}

// each reads every entry of a list.
func each[T any](entries []key, read func(key) T) []T {
	values := make([]T, len(entries))
	for i, entry := range entries {
		values[i] = read(entry)
	}
	return values
}
