package main

import (
	"fmt"
	"math"
	"regexp"
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

// bitsOf gives the size of a number.
func bitsOf(dtype string) int {
	if dtype == "float64" {
		return 64
	}
	return 32
}

var decimalForm = regexp.MustCompile(`^ *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *$`)

// parseNumber reads a decimal number that float32, or float64, can hold.
func parseNumber(text, dtype string) (float64, error) {
	number, err := strconv.ParseFloat(strings.Trim(text, " "), 64)
	held := number
	if dtype == "float32" {
		held = float64(float32(number))
	}
	if !decimalForm.MatchString(text) || err != nil || math.IsInf(held, 0) {
		return 0, fmt.Errorf("%q is not a finite number", text)
	}
	return number, nil
}

// parseCell reads a cell: a number, or the label of a category. Labels that are numbers are compared as numbers.
func parseCell(text string, column flowbundle.ContextFeature, dtype string) (float64, error) {
	number, err := parseNumber(text, dtype)
	if column.Categories == nil {
		return number, err
	}
	code := slices.IndexFunc(column.Categories, func(label string) bool {
		same, none := parseNumber(label, "float64")
		return strings.Trim(label, " ") == strings.Trim(text, " ") || err == nil && none == nil && same == number
	})
	if code < 0 {
		return 0, fmt.Errorf("%q is no category", text)
	}
	return float64(code), nil
}

// parseContext reads a value of --context: as a cell, or, where no label is a number, a code.
func parseContext(text string, column flowbundle.ContextFeature, dtype string) (float64, error) {
	numeric := func(label string) bool { _, none := parseNumber(label, dtype); return none == nil }
	value, err := parseCell(text, column, dtype)
	if err != nil && column.Categories != nil && !slices.ContainsFunc(column.Categories, numeric) {
		if code, none := parseNumber(text, dtype); none == nil && column.Admits(code) {
			return code, nil
		}
	}
	return value, err
}
