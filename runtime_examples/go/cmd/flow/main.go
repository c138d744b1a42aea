// The program on top of the library: golden, score, sample and bench, as in every other language.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"flowbundle"
)

const usage = "usage: flow golden BUNDLE | score BUNDLE < rows.csv | " +
	"sample BUNDLE N SEED [TEMPERATURE] [--context V1,V2,…] | bench BUNDLE; all: [--digest HEX]"

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

// errFailed is that of a golden case: what is to be said of it was said.
var errFailed = errors.New("a golden case failed")

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run gives the exit status: 0 done, 1 a golden case failed, 2 bad usage, bad input or a bad bundle.
func run(arguments []string, in io.Reader, out, errs io.Writer) int {
	buffered := bufio.NewWriter(out)
	err := command(arguments, in, buffered, errs)
	if flushed := buffered.Flush(); err == nil {
		err = flushed
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFailed):
		return 1
	}
	fmt.Fprintf(errs, "flow: %s\n", oneLine(err.Error()))
	return 2
}

func command(arguments []string, in io.Reader, out *bufio.Writer, errs io.Writer) error {
	digest := ""
	if at := slices.Index(arguments, "--digest"); at >= 0 {
		if at+1 == len(arguments) {
			return errors.New(usage)
		}
		if digest = arguments[at+1]; !sha256Hex.MatchString(digest) {
			return fmt.Errorf("--digest: %q is no SHA-256 in lower-case hex", digest)
		}
		arguments = slices.Delete(slices.Clone(arguments), at, at+2)
	}
	if len(arguments) < 2 {
		return errors.New(usage)
	}
	pin := flowbundle.Digest(digest)
	bundle, rest := arguments[1], arguments[2:]
	switch name := arguments[0]; {
	case name == "sample":
		draw, err := parseDraw(rest)
		if err != nil {
			return err
		}
		return sample(bundle, pin, draw, out)
	case len(rest) > 0:
		return errors.New(usage)
	case name == "golden":
		return replayAll(bundle, pin, out)
	case name == "score":
		return score(bundle, pin, in, out, errs)
	case name == "bench":
		return bench(bundle, pin, out)
	}
	return errors.New(usage)
}

// oneLine replaces what would break a line: names come from the bundle and may hold anything.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
