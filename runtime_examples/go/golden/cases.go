// Package golden reads what the program's command of that name needs of a bundle, and no application: the golden
// cases, .npy files, and the keys of flow.json that are there for them or for people.
package golden

import (
	"math"
	"regexp"
	"strconv"

	"flowbundle"
)

const (
	// What the format's schema allows.
	mostCases, mostNoise = 1000, 100
	// A size that no bundle has.
	most = math.MaxInt32
)

var decimal = regexp.MustCompile(`^[0-9]+$`)

// A Tolerance is |Δ| ≤ Atol + Rtol · |expected|; for samples Atol is in units of the scale.
type Tolerance struct{ Atol, Rtol float64 }

// Golden is what the trained model gives, and how closely it is to be met.
type Golden struct {
	Tolerance map[flowbundle.Graph]Tolerance
	// Scale is the standard deviation of each feature.
	Scale []float64
	Cases []Case
	// LogProbOfSample is a file: log_prob of the output of the sample case with as many rows.
	LogProbOfSample string
	Noise           []NoisePart
}

// A Case is one run of a graph. Exactly one of Expected and Error is not empty.
type Case struct {
	Name  string
	Graph flowbundle.Graph
	// Inputs are files by tensor.
	Inputs map[string]string
	// Expected is the file of the output.
	Expected string
	// Error is what is to be said of the inputs before anything is run.
	Error flowbundle.Code
	// Rows are the start and the end of those of all its files that count; nil where all do.
	Rows *[2]int
}

// A NoisePart is a file with the normals number Start onwards of a seed.
type NoisePart struct {
	Seed, Start uint64
	File        string
}

// Read gives the key "golden" of a bundle's flow.json, and holds the rest of it, which the library does not go on to
// use, to the format. It is a [flowbundle.BundleError] for a key that is at fault.
func Read(bundle *flowbundle.Bundle) (*Golden, error) {
	m, root := bundle.Manifest, bundle.Document()
	root.At("description").Text()
	root.At("architecture").Object()
	for _, name := range root.At("provenance").Names() {
		root.At("provenance").At(name).Text()
	}
	if reference := root.At("reference"); !reference.Null() {
		reference.At("rows").Whole(1, most)
	}
	g := &Golden{
		Scale:           flowbundle.Each(root.At("scale").List(0, most), positive),
		Tolerance:       map[flowbundle.Graph]Tolerance{},
		LogProbOfSample: root.At("golden").At("log_prob_of_sample").OneOf(m.Files),
	}
	for _, graph := range []flowbundle.Graph{flowbundle.LogProb, flowbundle.Sample} {
		readGraph(root.At("graphs").At(string(graph)), graph, m)
		tolerance := root.At("tolerance").At(string(graph))
		g.Tolerance[graph] = Tolerance{tolerance.At("atol").Number(), tolerance.At("rtol").Number()}
	}
	for _, one := range root.At("golden").At("cases").List(0, mostCases) {
		g.Cases = append(g.Cases, readCase(one, m.Files))
	}
	for _, noise := range root.At("golden").At("noise").List(0, mostNoise) {
		g.Noise = append(g.Noise, readNoise(noise, m.Files))
	}
	if root.Fault() != nil {
		return nil, bundle.Fault("flow.json", root.Fault())
	}
	return g, nil
}

// readGraph holds the tensors of a graph, in any order, to the sizes of the model.
func readGraph(graph flowbundle.Key, name flowbundle.Graph, m *flowbundle.Manifest) {
	graph.At("opset").Whole(1, most)
	inputs, outputs := map[string][]int{"x": m.EventShape}, map[string][]int{"log_prob": {}}
	if name == flowbundle.Sample {
		inputs, outputs = map[string][]int{"z": {m.LatentSize}}, map[string][]int{"x": m.EventShape}
	}
	if len(m.Context) > 0 {
		inputs["context"] = []int{len(m.Context)}
	}
	readTensors(graph.At("inputs"), inputs)
	readTensors(graph.At("outputs"), outputs)
}

func readTensors(tensors flowbundle.Key, expected map[string][]int) {
	seen := map[string]bool{}
	for _, tensor := range tensors.List(len(expected), len(expected)) {
		name := tensor.At("name").Text()
		shape, known := expected[name]
		if !known || seen[name] {
			tensor.At("name").Fail("%q is not expected here", name)
		}
		seen[name] = true
		tensor.At("dtype").Only("float32")
		sizes := tensor.At("shape").List(len(shape)+1, len(shape)+1)
		for i, axis := range sizes {
			if i == 0 {
				axis.Only("batch")
			} else if found := axis.Whole(1, most); found != uint64(shape[i-1]) {
				axis.Fail("expected %d, got %d", shape[i-1], found)
			}
		}
	}
}

func readCase(from flowbundle.Key, files map[string]string) Case {
	c := Case{Name: from.At("name").Text(), Graph: flowbundle.Graph(from.At("graph").Text()), Inputs: map[string]string{}}
	if c.Graph != flowbundle.LogProb && c.Graph != flowbundle.Sample {
		from.At("graph").Fail("expected \"log_prob\" or \"sample\"")
	}
	inputs := from.At("inputs")
	inputs.At(c.Graph.Input())
	for _, tensor := range inputs.Names() {
		c.Inputs[tensor] = inputs.At(tensor).OneOf(files)
		if tensor != c.Graph.Input() && tensor != "context" {
			inputs.At(tensor).Fail("is no input of %s", c.Graph)
		}
	}
	if from.Has("expected") == from.Has("error") {
		from.Fail("needs either expected or error")
	} else if from.Has("expected") {
		c.Expected = from.At("expected").At(c.Graph.Output()).OneOf(files)
	} else if c.Error = flowbundle.Code(from.At("error").Text()); c.Error != flowbundle.WrongShape && c.Error != flowbundle.MissingContext && c.Error != flowbundle.WrongDtype {
		from.At("error").Fail("%q is not known", string(c.Error))
	}
	if from.Has("rows") {
		rows := from.At("rows").List(2, 2)
		if len(rows) == 2 {
			c.Rows = &[2]int{int(rows[0].Whole(0, math.MaxInt32)), int(rows[1].Whole(0, math.MaxInt32))}
		}
	}
	return c
}

func readNoise(noise flowbundle.Key, files map[string]string) NoisePart {
	text := noise.At("seed").Text()
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil || !decimal.MatchString(text) {
		noise.At("seed").Fail("%q is no unsigned 64-bit integer", text)
	}
	return NoisePart{seed, noise.At("start").Whole(0, math.MaxUint64), noise.At("file").OneOf(files)}
}

func positive(k flowbundle.Key) float64 {
	number := k.Number()
	if number <= 0 {
		k.Fail("must be positive")
	}
	return number
}
