package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"flowbundle"
)

// An array as it comes: its type, its axes and its bytes.
type array struct {
	kind  string
	shape []int
	bytes []byte
}

// A request has words, and arrays in their order; nil where there is none.
type request struct {
	words  []string
	arrays []*array
}

// run opens a bundle and answers requests until there are no more: ../../README.md, "The mode run".
func run(bundle string, digest ...string) error {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	model, err := flowbundle.Open(bundle, flowbundle.Digest(strings.Join(digest, "")))
	if err != nil {
		return errors.Join(errSaid, answerError(out, err), out.Flush())
	}
	defer model.Close()
	err = answer(out, []float32{})
	for err == nil {
		if err = out.Flush(); err != nil {
			break
		}
		var asked *request
		if asked, err = receive(in); err == nil {
			if err = respond(model, asked, out); err != nil {
				err = answerError(out, err)
			}
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// receive reads a line of words, and the arrays that some of them announce.
func receive(in *bufio.Reader) (*request, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	asked := &request{}
	for _, word := range strings.Fields(line) {
		kind, axes, isArray := strings.Cut(word, ":")
		switch {
		case word == "-":
			asked.arrays = append(asked.arrays, nil)
		case isArray:
			each := &array{kind: kind}
			size, _ := strconv.Atoi(kind[1:])
			for _, axis := range strings.Split(axes, ",") {
				length, _ := strconv.Atoi(axis)
				each.shape = append(each.shape, length)
				size *= length
			}
			each.bytes = make([]byte, size)
			if _, err := io.ReadFull(in, each.bytes); err != nil {
				return nil, err
			}
			asked.arrays = append(asked.arrays, each)
		default:
			asked.words = append(asked.words, word)
		}
	}
	return asked, nil
}

func (r *request) whole(at int) uint64 {
	number, _ := strconv.ParseUint(r.words[at], 10, 64)
	return number
}

// kindOf gives the name of a type.
func kindOf[T flowbundle.Number]() string { return fmt.Sprint("f", binary.Size(T(0))) }

// numbers gives what an array holds; float32 goes where float64 is wanted too.
func numbers[T flowbundle.Number](given *array) ([]T, error) {
	found := make([]T, len(given.bytes)/binary.Size(T(0)))
	switch given.kind {
	case kindOf[T]():
		_, err := binary.Decode(given.bytes, binary.LittleEndian, found)
		return found, err
	case "f4":
		narrow, err := numbers[float32](given)
		found = found[:0]
		for _, number := range narrow {
			found = append(found, T(number))
		}
		return found, err
	}
	reason := "expected " + kindOf[T]() + ", got " + given.kind
	return nil, &flowbundle.InputError{Code: flowbundle.WrongDtype, Reason: reason}
}

// batch gives an array as rows: a vector is one row where single says so. nil for none.
func batch[T flowbundle.Number](given *array, single bool) (*flowbundle.Batch[T], error) {
	if given == nil {
		return nil, nil
	}
	data, err := numbers[T](given)
	if single && len(given.shape) == 1 {
		return &flowbundle.Batch[T]{Data: data, Shape: given.shape}, err
	}
	return &flowbundle.Batch[T]{Data: data, Shape: given.shape[1:]}, err
}

// calls are the functions of a model in one type.
type calls[T flowbundle.Number] struct {
	logProb    func(x, context *flowbundle.Batch[T]) ([]T, error)
	sampleFrom func(z, context *flowbundle.Batch[T]) (*flowbundle.Batch[T], error)
	sample     func(first uint64, count int, seed uint64, heat float32, context *flowbundle.Batch[T]) (*flowbundle.Batch[T], error)
}

// prepare gives the call that the words of a request from a place on ask for.
func (c calls[T]) prepare(asked *request, at int) (func() ([]T, error), error) {
	sampled := asked.words[at] == "sample"
	var batches [2]*flowbundle.Batch[T]
	for i, each := range asked.arrays {
		var err error
		if batches[i], err = batch[T](each, sampled || i == 1); err != nil {
			return nil, err
		}
	}
	data := func(found *flowbundle.Batch[T], err error) ([]T, error) {
		if err != nil {
			return nil, err
		}
		return found.Data, nil
	}
	switch asked.words[at] {
	case "log_prob":
		return func() ([]T, error) { return c.logProb(batches[0], batches[1]) }, nil
	case "sample_from":
		return func() ([]T, error) { return data(c.sampleFrom(batches[0], batches[1])) }, nil
	}
	count, seed, first := int(asked.whole(at+1)), asked.whole(at+2), asked.whole(at+3)
	heat, _ := strconv.ParseFloat(asked.words[at+4], 32)
	return func() ([]T, error) { return data(c.sample(first, count, seed, float32(heat), batches[0])) }, nil
}

// perform answers what the words of a request from a place on ask for, or how long each of so many calls takes.
func (c calls[T]) perform(asked *request, out io.Writer) error {
	timed := asked.words[0] == "time"
	at := 0
	if timed {
		at = 2
	}
	call, err := c.prepare(asked, at)
	if err != nil {
		return err
	}
	if !timed {
		found, err := call()
		if err != nil {
			return err
		}
		return answer(out, found)
	}
	microseconds := make([]float64, asked.whole(1))
	for i := range microseconds {
		before := time.Now()
		if _, err := call(); err != nil {
			return err
		}
		microseconds[i] = float64(time.Since(before).Nanoseconds()) / 1e3
	}
	return answer(out, microseconds)
}

func respond(model *flowbundle.Model, asked *request, out io.Writer) error {
	switch asked.words[0] {
	case "category":
		code, err := model.Category(string(asked.arrays[0].bytes), string(asked.arrays[1].bytes))
		if err != nil {
			return err
		}
		return answer(out, []float32{code})
	case "normals":
		return answer(out, flowbundle.Normals(asked.whole(1), asked.whole(2), int(asked.whole(3))))
	case "percentile":
		scores, err := numbers[float64](asked.arrays[0])
		if err != nil {
			return err
		}
		for i, score := range scores {
			place, found := model.Percentile64(score)
			if scores[i] = place; !found {
				scores[i] = math.NaN()
			}
		}
		return answer(out, scores)
	}
	if model.Manifest().Dtype == "float64" {
		return calls[float64]{model.LogProb64, model.SampleFrom64, model.SampleRange64}.perform(asked, out)
	}
	return calls[float32]{model.LogProb, model.SampleFrom, model.SampleRange}.perform(asked, out)
}

func answer[T flowbundle.Number](out io.Writer, numbers []T) error {
	if _, err := fmt.Fprintf(out, "%s:%d\n", kindOf[T](), len(numbers)); err != nil {
		return err
	}
	return binary.Write(out, binary.LittleEndian, numbers)
}

func answerError(out io.Writer, fault error) error {
	code := flowbundle.Code("bad_bundle")
	errors.As(fault, &code)
	_, err := fmt.Fprintf(out, "error %s %s\n", string(code), oneLine(fault.Error()))
	return err
}
