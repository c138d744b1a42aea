package flowbundle

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var decimalForm = regexp.MustCompile(`^ *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *$`)

// Category gives the code of a category: what a context holds in place of its label. Labels that are numbers are
// compared as numbers, others without the spaces around them. An [InputError] says that the label is none of the
// column's, or that no column of that name has categories.
func (m *Model) Category(column, label string) (float32, error) {
	return categoryOf(m.Manifest(), column, label)
}

func categoryOf(m *Manifest, column, label string) (float32, error) {
	at := slices.IndexFunc(m.Context, func(each ContextFeature) bool { return each.Name == column })
	if at < 0 || m.Context[at].Categories == nil {
		return 0, inputError(WrongValue, "context: no column %q has categories", column)
	}
	number, numeric := decimal(label)
	code := slices.IndexFunc(m.Context[at].Categories, func(each string) bool {
		same, found := decimal(each)
		return strings.Trim(each, " ") == strings.Trim(label, " ") || numeric && found && same == number
	})
	if code < 0 {
		return 0, inputError(UnknownCategory, "context: column %q: %q is no category", column, label)
	}
	return float32(code), nil
}

// decimal reads a decimal number, perhaps with spaces around it.
func decimal(text string) (float64, bool) {
	number, err := strconv.ParseFloat(strings.Trim(text, " "), 64)
	return number, err == nil && decimalForm.MatchString(text)
}
