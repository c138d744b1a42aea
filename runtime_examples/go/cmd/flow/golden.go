package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"math"

	"flowbundle"
	"flowbundle/golden"
)

var (
	// most is what is allowed; a bundle may ask for less and never for more.
	most = golden.Tolerance{Atol: 1e-4, Rtol: 1e-5}
	// ofDirection is that of log_prob of a sample, in nats: the density's gradient magnifies the rounding of a
	// float32 sample.
	ofDirection = golden.Tolerance{Atol: 1e-2, Rtol: 1e-3}
	// multiple is how often its own float32 rounding a number may differ by, share up to which share of it and of its unit.
	multiple, share = 4.0, 1e-3
	// ofNoise is two units in the last place of the largest normal.
	ofNoise = golden.Tolerance{Atol: 9.5e-7}
)

// A check is a line of the report: what is run, and the code with which it should be refused, if any.
type check struct {
	name    string
	refusal flowbundle.Code
	run     func() (line, error)
}

// A line is what is told of a check: a difference and its bound, or a code and that which was expected.
type line struct {
	found, bound string
	passed       bool
}

// replayAll replays the bundle's own cases.
func replayAll(bundle string, pin flowbundle.Option, out *bufio.Writer) error {
	model, err := flowbundle.Open(bundle, pin)
	if err != nil {
		return err
	}
	defer model.Close()
	cases, err := golden.Read(model.Bundle())
	if err != nil {
		return err
	}
	passed, failed := 0, 0
	for _, each := range checks(model, cases) {
		line, err := each.run()
		if refused := (*flowbundle.InputError)(nil); errors.As(err, &refused) {
			line, err = codes(refused.Code, each.refusal), nil
		}
		if err != nil {
			return err
		}
		verdict := "passed"
		if line.passed {
			passed++
		} else {
			verdict = "failed"
			failed++
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", oneLine(each.name), line.found, line.bound, verdict)
	}
	fmt.Fprintf(out, "passed %d, failed %d\n", passed, failed)
	if failed > 0 {
		return errFailed
	}
	return nil
}

func checks(model *flowbundle.Model, cases *golden.Golden) []check {
	var all []check
	for _, one := range cases.Golden.Cases {
		all = append(all, check{one.Name, one.Error, func() (line, error) { return replay(model, cases, one) }})
	}
	all = append(all, check{"log_prob_of_sample", "", func() (line, error) { return direction(model, cases) }})
	for _, part := range cases.Golden.Noise {
		name := "noise " + part.Seed
		all = append(all, check{name, "", func() (line, error) { return noise(model, part) }})
	}
	return all
}

// codes tells of a code that was given, where another or none may have been expected.
func codes(found, expected flowbundle.Code) line {
	text := func(code flowbundle.Code) string { return cmp.Or(string(code), "none") }
	return line{text(found), text(expected), found == expected}
}

// replay runs a case as one batch.
func replay(model *flowbundle.Model, cases *golden.Golden, one golden.Case) (line, error) {
	found, err := runCase(model, one)
	if err != nil {
		return line{}, err
	}
	if one.Expected == nil {
		return codes("", one.Error), nil
	}
	unit, asked := []float64{1}, cases.Tolerance.LogProb
	if one.Graph == golden.Sample {
		unit, asked = cases.Scale, cases.Tolerance.Sample
	}
	expected, err := golden.ReadArray(model.Bundle(), one.Expected[one.Graph.Output()])
	if err != nil {
		return line{}, err
	}
	wide := expected.Widened()
	if one.Rows != nil {
		start, stop := one.Rows[0], one.Rows[1]
		if stop > len(wide)/len(unit) {
			return line{}, missingRows(model, one)
		}
		wide = wide[start*len(unit) : stop*len(unit)]
	}
	tolerance := golden.Tolerance{Atol: min(asked.Atol, most.Atol), Rtol: min(asked.Rtol, most.Rtol)}
	own := make([]float64, len(wide))
	if file := one.Rounding[one.Graph.Output()]; file != "" {
		array, err := golden.ReadArray(model.Bundle(), file)
		if err != nil {
			return line{}, err
		}
		rounding := array.Widened()
		if one.Rows != nil && one.Rows[1]*len(unit) <= len(rounding) {
			rounding = rounding[one.Rows[0]*len(unit) : one.Rows[1]*len(unit)]
		}
		if len(rounding) != len(wide) {
			return line{}, missingRows(model, one)
		}
		for i := range own {
			scale := unit[i%len(unit)]
			own[i] = min(multiple*rounding[i]/scale, share*(1+math.Abs(wide[i])/scale))
		}
	}
	return compare(found.Data, wide, tolerance, unit, own), nil
}

// runCase gives the output of a case's graph for its inputs.
func runCase(model *flowbundle.Model, one golden.Case) (*flowbundle.Rows64, error) {
	rows, err := input(model, one, one.Graph.Input())
	if err != nil {
		return nil, err
	}
	context, err := input(model, one, "context")
	if err != nil {
		return nil, err
	}
	if one.Graph == golden.Sample {
		return model.SampleFrom64(rows, context)
	}
	scores, err := model.LogProb64(rows, context)
	return &flowbundle.Rows64{Data: scores}, err
}

// input gives the rows of an input that a case names, or all of them; nil where it has no such input.
func input(model *flowbundle.Model, one golden.Case, tensor string) (*flowbundle.Rows64, error) {
	file, found := one.Inputs[tensor]
	if !found {
		return nil, nil
	}
	array, err := golden.ReadArray(model.Bundle(), file)
	if err != nil {
		return nil, err
	}
	rows, err := array.Rows(model.Manifest().Dtype)
	if err != nil || one.Rows == nil {
		return rows, err
	}
	if rows = rows.Slice(one.Rows[0], one.Rows[1]); rows == nil {
		return nil, missingRows(model, one)
	}
	return rows, nil
}

// direction compares log_prob of samples, those of the case that has as many rows, with what the trained model says
// of them.
func direction(model *flowbundle.Model, cases *golden.Golden) (line, error) {
	expected, err := golden.ReadArray(model.Bundle(), cases.Golden.LogProbOfSample)
	if err != nil {
		return line{}, err
	}
	wide := expected.Widened()
	for _, one := range cases.Golden.Cases {
		if one.Graph != golden.Sample || one.Expected == nil {
			continue
		}
		x, err := runCase(model, one)
		if err != nil {
			return line{}, err
		}
		if x.Len() != len(wide) {
			continue
		}
		context, err := input(model, one, "context")
		if err != nil {
			return line{}, err
		}
		found, err := model.LogProb64(x, context)
		if err != nil {
			return line{}, err
		}
		own := make([]float64, len(wide))
		if file := cases.Golden.LogProbOfSampleRounding; file != "" {
			array, err := golden.ReadArray(model.Bundle(), file)
			if err != nil {
				return line{}, err
			}
			if len(array.Widened()) != len(wide) {
				return line{}, fault(model, "golden.log_prob_of_sample_rounding: is not of as many rows")
			}
			for i, rounding := range array.Widened() {
				own[i] = multiple * rounding
			}
		}
		return compare(found, wide, ofDirection, []float64{1}, own), nil
	}
	return line{}, fault(model, "golden.log_prob_of_sample: no sample case has as many rows")
}

// noise compares a part of the noise.
func noise(model *flowbundle.Model, part golden.NoisePart) (line, error) {
	expected, err := golden.ReadArray(model.Bundle(), part.File)
	if err != nil {
		return line{}, err
	}
	wide := expected.Widened()
	found := golden.Array{Float32: flowbundle.Normals(part.Number(), part.Start, len(wide))}
	return compare(found.Widened(), wide, ofNoise, []float64{1}, make([]float64, len(wide))), nil
}

// compare tells whether |Δ| ≤ atol · unit + rtol · |expected| + own everywhere, in units of unit, which repeats from row
// to row; own, in those units, is what rounding may cost. The figures are those of the number that comes nearest to its bound, or goes farthest over it.
func compare(found []float64, expected []float64, tolerance golden.Tolerance, unit, own []float64) line {
	passed := len(found) == len(expected) && len(found) > 0
	worst, difference, bound := -1.0, math.NaN(), math.NaN()
	for i := range min(len(found), len(expected)) {
		one, wanted, scale := found[i], expected[i], unit[i%len(unit)]
		delta, magnitude, rounding := 0.0, 0.0, 0.0
		if one != wanted { // equal infinities differ by nothing
			delta = math.Abs(one-wanted) / scale
		}
		if !math.IsInf(wanted, 0) && !math.IsNaN(wanted) {
			magnitude, rounding = math.Abs(wanted)/scale, own[i]
		}
		limit := tolerance.Atol + tolerance.Rtol*magnitude + rounding
		// NaN is within no bound.
		passed = passed && delta <= limit
		ratio := 0.0
		if delta != 0 {
			ratio = delta / limit
		}
		if math.IsNaN(ratio) {
			ratio = math.Inf(1)
		}
		if ratio > worst {
			worst, difference, bound = ratio, delta, limit
		}
	}
	return line{figure(difference), figure(bound), passed}
}

func figure(number float64) string {
	if math.IsNaN(number) || math.IsInf(number, 0) {
		return string(appendShortest(nil, number, 64))
	}
	return fmt.Sprintf("%.3e", number)
}

func missingRows(model *flowbundle.Model, one golden.Case) error {
	return fault(model, fmt.Sprintf("golden.cases: %q: a file has fewer rows than the case", one.Name))
}

func fault(model *flowbundle.Model, reason string) error {
	return model.Bundle().Fault("flow.json", errors.New(reason))
}
