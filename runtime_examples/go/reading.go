package flowbundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"unicode"
)

var (
	// halfPair is one half of a surrogate pair, which encoding/json would replace; wholePair is both.
	wholePair = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`)
	halfPair  = regexp.MustCompile(`\\u[dD][89a-fA-F][0-9a-fA-F]{2}`)
)

// oneReading says where valid JSON could be read in two ways: a key that is twice in one object, a text that hides what
// it says, a number beyond float64, more behind the document.
func oneReading(document []byte) error {
	if halfPair.Match(wholePair.ReplaceAll(document, nil)) {
		return errors.New("a text holds half a surrogate pair")
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	// Of each object around, its keys, and whether the next text is one; nil for a list.
	type object struct {
		keys  map[string]bool
		atKey bool
	}
	var open []*object
	key := ""
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		var around *object
		if len(open) > 0 {
			around = open[len(open)-1]
		}
		text, isText := token.(string)
		isKey := isText && around != nil && around.atKey
		for _, letter := range text {
			if unicode.IsControl(letter) || unicode.Is(unicode.Bidi_Control, letter) || letter == 0x2028 || letter == 0x2029 {
				return fmt.Errorf("%s: a text holds %U", key, letter)
			}
		}
		if isKey {
			if around.keys[text] {
				return fmt.Errorf("the key %q is there twice", text)
			}
			around.keys[text], key = true, text
		}
		switch token {
		case json.Delim('{'):
			open = append(open, &object{map[string]bool{}, true})
		case json.Delim('['):
			open = append(open, nil)
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		if around != nil && token != json.Delim('}') {
			around.atKey = !isKey
		}
	}
}
