package flowbundle

import (
	"errors"
	"testing"
)

func TestACategoryIsKnownByItsLabel(t *testing.T) {
	manifest := &Manifest{Context: []ContextFeature{
		{"cut", []string{"fair", "good"}}, {"grade", []string{"1", "2", "10"}}, {"angle", nil},
	}}
	for _, each := range []struct {
		column, label string
		code          float32
		fault         error
	}{
		{"cut", " good ", 1, nil},
		{"grade", "10.0", 2, nil},
		{"grade", "01", 0, nil},
		{"grade", "1e1", 2, nil},
		{"cut", "0", 0, UnknownCategory},
		{"cut", "", 0, UnknownCategory},
		{"grade", "0", 0, UnknownCategory},
		{"grade", "nan", 0, UnknownCategory},
		{"angle", "1", 0, WrongValue},
		{"nowhere", "1", 0, WrongValue},
	} {
		if code, err := categoryOf(manifest, each.column, each.label); code != each.code || !errors.Is(err, each.fault) {
			t.Errorf("%s %q: %v, %v", each.column, each.label, code, err)
		}
	}
}
