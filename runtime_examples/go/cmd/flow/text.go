package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"flowbundle"
)

// appendShortest appends the shortest text that reads back the same number of so many bits.
func appendShortest(text []byte, number float64, bits int) []byte {
	switch magnitude := math.Abs(number); {
	case math.IsNaN(number):
		return append(text, "nan"...)
	case math.IsInf(number, 0):
		return append(text, strings.TrimPrefix(strings.ToLower(fmt.Sprint(number)), "+")...)
	case magnitude != 0 && (magnitude < 1e-5 || magnitude >= 1e16):
		return strconv.AppendFloat(text, number, 'e', -1, bits)
	}
	return strconv.AppendFloat(text, number, 'f', -1, bits)
}

// parseNumber reads a finite float32.
func parseNumber(text string) (float32, error) {
	number, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	// ParseFloat reads hexadecimal numbers too, which are none of a table.
	if err != nil || strings.ContainsAny(text, "xX") || math.IsNaN(number) || math.IsInf(float64(float32(number)), 0) {
		return 0, fmt.Errorf("%q is not a finite number", text)
	}
	return float32(number), nil
}

// parseContext reads a number of a context: the name of a category, or a code, where the column has categories.
func parseContext(text string, column flowbundle.ContextFeature) (float32, error) {
	if code := slices.Index(column.Categories, strings.TrimSpace(text)); code >= 0 {
		return float32(code), nil
	}
	number, err := parseNumber(text)
	if column.Categories == nil {
		return number, err
	}
	if err != nil || !column.Admits(number) {
		return 0, fmt.Errorf("%q is no category and no code of one", text)
	}
	return number, nil
}
