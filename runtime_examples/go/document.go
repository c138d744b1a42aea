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

// A Key is a place in flow.json, and what stands there. The first fault of the document is kept; what is read
// after it, or of it, is empty.
type Key struct {
	fault *error
	path  string
	value any
}

// Fault is the first that was found, or nil.
func (k Key) Fault() error { return *k.fault }

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

// Fail keeps the first fault.
func (k Key) Fail(format string, arguments ...any) {
	if *k.fault == nil {
		reason := fmt.Sprintf(format, arguments...)
		if k.path != "" {
			reason = k.path + ": " + reason
		}
		*k.fault = errors.New(reason)
	}
}

// At gives the value of a name, which must be there, if only as null.
func (k Key) At(name string) Key {
	value, found := k.Object()[name]
	below := k.below(name, value)
	if !found {
		below.Fail("is missing")
	}
	return below
}

// Has tells whether there is a value of a name that is not null.
func (k Key) Has(name string) bool { return k.Object()[name] != nil }

func (k Key) below(name string, value any) Key {
	path := name
	if k.path != "" {
		path = k.path + "." + name
	}
	return Key{k.fault, path, value}
}

// Null tells whether null stands there.
func (k Key) Null() bool { return k.value == nil }

// Names of an object, in order, so that the same fault is always the first.
func (k Key) Names() []string { return slices.Sorted(maps.Keys(k.Object())) }

// Object gives the values by their names.
func (k Key) Object() map[string]any { return typed[map[string]any](k, "an object") }

// Text gives a text.
func (k Key) Text() string { return typed[string](k, "text") }

// Truth gives true or false.
func (k Key) Truth() bool { return typed[bool](k, "true or false") }

// Number gives a finite number.
func (k Key) Number() float64 {
	number, err := strconv.ParseFloat(string(typed[json.Number](k, "a number")), 64)
	if err != nil {
		k.Fail("expected a number")
	}
	return number
}

// Whole gives a whole number between two, which are included.
func (k Key) Whole(least, most uint64) uint64 {
	number, err := strconv.ParseUint(string(typed[json.Number](k, "a number")), 10, 64)
	if err != nil || number < least || number > most {
		k.Fail("expected a whole number from %d to %d", least, most)
		return least
	}
	return number
}

// List gives as many entries as there may be.
func (k Key) List(least, most int) []Key {
	values := typed[[]any](k, "a list")
	if len(values) < least || len(values) > most {
		k.Fail("expected %d to %d entries, got %d", least, most, len(values))
		return nil
	}
	entries := make([]Key, len(values))
	for i, value := range values {
		entries[i] = Key{k.fault, fmt.Sprintf("%s[%d]", k.path, i), value}
	}
	return entries
}

func typed[T any](k Key, name string) T {
	value, fits := k.value.(T)
	if !fits {
		k.Fail("expected %s", name)
	}
	return value
}

// Each reads every entry of a list.
func Each[T any](entries []Key, read func(Key) T) []T {
	values := make([]T, len(entries))
	for i, entry := range entries {
		values[i] = read(entry)
	}
	return values
}

// Only refuses any other text.
func (k Key) Only(text string) {
	if k.value != any(text) {
		k.Fail("this package reads %q, the bundle says %s", text, k.shown())
	}
}

// shown is the value as JSON, cut where it is long.
func (k Key) shown() string {
	text, _ := json.Marshal(k.value)
	if len(text) > 80 {
		return string(text[:80]) + "…"
	}
	return string(text)
}

// OneOf gives the name of a file, which must be among those.
func (k Key) OneOf(files map[string]string) string {
	name := k.Text()
	if _, found := files[name]; !found {
		k.Fail("%q is not listed in files", name)
	}
	return name
}
