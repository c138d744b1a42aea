package main

import (
	"bufio"
	"fmt"
	"slices"
	"time"

	"flowbundle"
)

const (
	// measured is how long a figure is measured for.
	measured = 500 * time.Millisecond
	// leastCalls is how often a call is made at least.
	leastCalls = 20
)

// bench writes what a call costs.
func bench(bundle string, pin flowbundle.Option, out *bufio.Writer) error {
	model, err := flowbundle.Open(bundle, pin)
	if err != nil {
		return err
	}
	defer model.Close()
	var context *flowbundle.Rows
	if width := len(model.Manifest().Context); width > 0 {
		// Zeros are a context of any kind: a number, or the first category.
		context = flowbundle.RowsOf(make([]float32, width))
	}
	fmt.Fprintln(out, "graph,rows,microseconds")
	if err := out.Flush(); err != nil {
		return err
	}
	for _, rows := range []int{1, 1000} {
		x, err := model.Sample(rows, 0, 1, context)
		if err != nil {
			return err
		}
		logProb, err := median(func() error { _, err := model.LogProb(x, context); return err })
		if err != nil {
			return err
		}
		sample, err := median(func() error { _, err := model.Sample(rows, 0, 1, context); return err })
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "log_prob,%d,%.1f\nsample,%d,%.1f\n", rows, logProb, rows, sample)
	}
	return nil
}

// median gives that of a call, in microseconds. The first calls, which warm up, are not among those measured.
func median(call func() error) (float64, error) {
	for range leastCalls {
		if err := call(); err != nil {
			return 0, err
		}
	}
	var times []time.Duration
	for begin := time.Now(); len(times) < leastCalls || time.Since(begin) < measured; {
		start := time.Now()
		if err := call(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	return float64(times[len(times)/2].Nanoseconds()) / 1000, nil
}
