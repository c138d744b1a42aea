package flowbundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// decode stores JSON in a Go value, strictly, unlike [json.Unmarshal]: a field takes the key that its tag names, as it
// is written there; it must be there, and not be null, but for the tag's "optional" and "nullable"; and "=" stands
// before the only text that it may be. Other keys are passed over. The error begins with the key at fault, in the path
// of those around it.
func decode(data []byte, into reflect.Value, key string) error {
	switch into.Kind() {
	case reflect.Struct:
		var members map[string]json.RawMessage
		if err := unmarshal(data, &members, key); err != nil {
			return err
		}
		for i := range into.NumField() {
			name, options, _ := strings.Cut(into.Type().Field(i).Tag.Get("key"), ",")
			below := strings.TrimPrefix(key+"."+name, ".")
			member, found := members[name]
			switch {
			case !found && strings.Contains(options, "optional"):
			case !found:
				return fmt.Errorf("%s: is missing", below)
			case string(member) == "null" && strings.Contains(options, "nullable"):
			default:
				if err := decode(member, into.Field(i), below); err != nil {
					return err
				}
				if only, found := strings.CutPrefix(options, "="); found && into.Field(i).String() != only {
					return fmt.Errorf("%s: expected %q, got %.80q", below, only, into.Field(i))
				}
			}
		}
	case reflect.Slice:
		var entries []json.RawMessage
		if err := unmarshal(data, &entries, key); err != nil {
			return err
		}
		into.Set(reflect.MakeSlice(into.Type(), len(entries), len(entries)))
		for i, entry := range entries {
			if err := decode(entry, into.Index(i), fmt.Sprintf("%s[%d]", key, i)); err != nil {
				return err
			}
		}
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return decode(data, into.Elem(), key)
	default:
		return unmarshal(data, into.Addr().Interface(), key)
	}
	return nil
}

// unmarshal is [json.Unmarshal] with the key in its error; null is refused.
func unmarshal(data []byte, into any, key string) error {
	err := json.Unmarshal(data, into)
	if mismatch := (*json.UnmarshalTypeError)(nil); errors.As(err, &mismatch) {
		err = fmt.Errorf("expected %s, got %s", mismatch.Type.Kind(), mismatch.Value)
	} else if err == nil && string(data) == "null" {
		err = errors.New("is null")
	}
	if err != nil && key != "" {
		err = fmt.Errorf("%s: %w", key, err)
	}
	return err
}
