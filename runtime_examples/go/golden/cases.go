// Package golden reads what the program's command of that name needs of a bundle, and no application: the golden
// cases, .npy files, and the keys of flow.json that are there for them or for people.
package golden

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"flowbundle"
)

// What the format's schema allows.
const mostCases, mostNoise = 1000, 100

var decimal = regexp.MustCompile(`^[0-9]+$`)

// A Graph is one of the two directions of a model.
type Graph string

const (
	// LogProb takes x and context to log_prob.
	LogProb Graph = "log_prob"
	// Sample takes z and context to x.
	Sample Graph = "sample"
)

// Input is what the graph takes beside the context.
func (g Graph) Input() string { return map[Graph]string{LogProb: "x", Sample: "z"}[g] }

// Output is what the graph gives.
func (g Graph) Output() string { return map[Graph]string{LogProb: "log_prob", Sample: "x"}[g] }

// Golden is what flow.json says of golden cases, and how closely they are to be met; and what else it must hold.
type Golden struct {
	Description  string            `key:"description"`
	Architecture map[string]any    `key:"architecture"`
	Provenance   map[string]string `key:"provenance"`
	Reference    *struct {
		Rows int `key:"rows"`
	} `key:"reference,nullable"`
	// Scale is the standard deviation of each feature.
	Scale  []float64 `key:"scale"`
	Graphs struct {
		LogProb declared `key:"log_prob"`
		Sample  declared `key:"sample"`
	} `key:"graphs"`
	Tolerance struct {
		LogProb Tolerance `key:"log_prob"`
		Sample  Tolerance `key:"sample"`
	} `key:"tolerance"`
	Golden struct {
		Cases []Case `key:"cases"`
		// LogProbOfSample is a file: log_prob of the output of the sample case with as many rows.
		LogProbOfSample string `key:"log_prob_of_sample"`
		// LogProbOfSampleRounding is what float32 alone costs each of those.
		LogProbOfSampleRounding string      `key:"log_prob_of_sample_rounding,optional"`
		Noise                   []NoisePart `key:"noise"`
	} `key:"golden"`
}

// A Tolerance is |Δ| ≤ Atol + Rtol · |expected|; for samples Atol is in units of the scale.
type Tolerance struct {
	Atol float64 `key:"atol"`
	Rtol float64 `key:"rtol"`
}

// declared is what flow.json says of a graph.
type declared struct {
	Opset   int      `key:"opset"`
	Inputs  []tensor `key:"inputs"`
	Outputs []tensor `key:"outputs"`
}

type tensor struct {
	Name  string `key:"name"`
	Dtype string `key:"dtype"`
	Shape []any  `key:"shape"`
}

// A Case is one run of a graph, with either an output or an error that is expected of it.
type Case struct {
	Name  string `key:"name"`
	Graph Graph  `key:"graph"`
	// Inputs are files by tensor, and so is Expected.
	Inputs   map[string]string `key:"inputs"`
	Expected map[string]string `key:"expected,optional,nullable"`
	// Rounding is what float32 alone costs each expected number, by tensor too.
	Rounding map[string]string `key:"rounding,optional,nullable"`
	// Error is what is to be said of the inputs before anything is run.
	Error flowbundle.Code `key:"error,optional,nullable"`
	// Rows are the start and the end of those of all its files that count; nil where all do.
	Rows []int `key:"rows,optional,nullable"`
}

// A NoisePart is a file with the normals number Start onwards of a seed, which is written in decimal.
type NoisePart struct {
	Seed  string `key:"seed"`
	Start uint64 `key:"start"`
	File  string `key:"file"`
}

// Number is the seed.
func (n NoisePart) Number() uint64 {
	number, _ := strconv.ParseUint(n.Seed, 10, 64)
	return number
}

// Read gives the key "golden" of a bundle's flow.json, and holds the rest of it, which the library does not go on to
// use, to the format. It is a [flowbundle.BundleError] for a key that is at fault.
func Read(bundle *flowbundle.Bundle) (*Golden, error) {
	g := new(Golden)
	if err := bundle.Decode(g); err != nil {
		return nil, err
	}
	if fault := g.fault(bundle.Manifest); fault != "" {
		return nil, bundle.Fault("flow.json", errors.New(fault))
	}
	return g, nil
}

// fault is the first rule that is broken, beginning with the key; empty where there is none.
func (g *Golden) fault(m *flowbundle.Manifest) string {
	if g.Reference != nil && g.Reference.Rows < 1 {
		return "reference.rows: expected a whole number from 1"
	}
	if slices.ContainsFunc(g.Scale, func(unit float64) bool { return !(unit > 0) }) {
		return "scale: must be positive"
	}
	for name, graph := range map[string]declared{"log_prob": g.Graphs.LogProb, "sample": g.Graphs.Sample} {
		if graph.Opset < 1 {
			return "graphs." + name + ".opset: expected a whole number from 1"
		}
		inputs, outputs := []tensor{batchOf(m.Dtype, "x", m.EventShape...)}, []tensor{batchOf(m.Dtype, "log_prob")}
		if name == "sample" {
			inputs, outputs = []tensor{batchOf(m.Dtype, "z", m.LatentSize)}, inputs
		}
		if m.ContextSize > 0 {
			inputs = append(inputs, batchOf(m.Dtype, "context", m.ContextSize))
		}
		if !same(graph.Inputs, inputs) {
			return fmt.Sprintf("graphs.%s.inputs: expected %v, got %.200v", name, inputs, graph.Inputs)
		}
		if !same(graph.Outputs, outputs) {
			return fmt.Sprintf("graphs.%s.outputs: expected %v, got %.200v", name, outputs, graph.Outputs)
		}
	}
	if len(g.Golden.Cases) > mostCases || len(g.Golden.Noise) > mostNoise {
		return fmt.Sprintf("golden: expected at most %d cases and %d entries of noise", mostCases, mostNoise)
	}
	for i, one := range g.Golden.Cases {
		if fault := one.fault(m.Files); fault != "" {
			return fmt.Sprintf("golden.cases[%d]%s", i, fault)
		}
	}
	for i, noise := range g.Golden.Noise {
		if _, err := strconv.ParseUint(noise.Seed, 10, 64); err != nil || !decimal.MatchString(noise.Seed) {
			return fmt.Sprintf("golden.noise[%d].seed: %.40q is no unsigned 64-bit integer", i, noise.Seed)
		}
	}
	if m.Files[g.Golden.LogProbOfSample] == "" {
		return "golden.log_prob_of_sample: is not listed in files"
	}
	return ""
}

func (c Case) fault(files map[string]string) string {
	input, output := c.Graph.Input(), c.Graph.Output()
	_, expected := c.Expected[output]
	switch {
	case input == "":
		return `.graph: expected "log_prob" or "sample"`
	case (c.Expected == nil) == (c.Error == ""):
		return ": needs either expected or error"
	case c.Expected != nil && !expected:
		return ".expected." + output + ": is missing"
	case c.Error != "" && !slices.Contains(codes, c.Error):
		return fmt.Sprintf(".error: %.40q is not known", c.Error)
	case c.Rows != nil && (len(c.Rows) != 2 || c.Rows[0] < 0 || c.Rows[1] < c.Rows[0]):
		return ".rows: expected the first, and one after the last"
	case c.Inputs[input] == "":
		return ".inputs." + input + ": is missing"
	}
	for tensor, file := range c.Inputs {
		if tensor != input && tensor != "context" {
			return fmt.Sprintf(".inputs.%s: is no input of %s", tensor, c.Graph)
		}
		if files[file] == "" {
			return ".inputs." + tensor + ": is not listed in files"
		}
	}
	return ""
}

var codes = []flowbundle.Code{flowbundle.WrongShape, flowbundle.MissingContext, flowbundle.WrongDtype}

func batchOf(dtype, name string, row ...int) tensor {
	t := tensor{name, dtype, []any{"batch"}}
	for _, axis := range row {
		t.Shape = append(t.Shape, float64(axis))
	}
	return t
}

// same tells whether tensors are those that are expected, in any order.
func same(found, expected []tensor) bool {
	byName := func(a, b tensor) int { return cmp.Compare(a.Name, b.Name) }
	return reflect.DeepEqual(slices.SortedFunc(slices.Values(found), byName),
		slices.SortedFunc(slices.Values(expected), byName))
}
