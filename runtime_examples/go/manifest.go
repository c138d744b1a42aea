package flowbundle

import (
	"math"
	"slices"
)

// Format is the format that this package reads. A changed meaning has another number.
const Format = "flowexport/1"

// A Manifest is flow.json as far as a reader needs it. Keys that this package does not know are passed over.
type Manifest struct {
	Name, Description string
	// EventShape is the shape of one row of x.
	EventShape []int
	// LatentSize is the width of z.
	LatentSize int
	// Features are the names of the numbers of a row of x, in C order: x0, x1, … where the bundle has none.
	Features []string
	// Context are its columns, named c0, c1, … where the bundle does not; none for a model without context.
	Context []ContextFeature
	// Graphs has the file of each direction.
	Graphs map[Graph]string
	// Files has the SHA-256 of every file but flow.json.
	Files map[string]string
	// Tolerance says how closely each graph is to agree with the golden cases.
	Tolerance map[Graph]Tolerance
	// Scale is the standard deviation of each feature.
	Scale []float64
	// Quantiles are 101 of log_prob on data, in nats: 0 %, 1 %, … 100 %; nil where there is no reference.
	Quantiles []float64
	Golden    Golden
	// Selector tells that the last column of z chooses a component, and takes no temperature.
	Selector bool
}

// A Graph is one of the two directions of a model.
type Graph string

const (
	// LogProb takes x and context to log_prob.
	LogProb Graph = "log_prob"
	// Sample takes z and context to x.
	Sample Graph = "sample"
)

// Input is what the graph takes beside the context.
func (g Graph) Input() string {
	if g == Sample {
		return "z"
	}
	return "x"
}

// Output is what the graph gives.
func (g Graph) Output() string {
	if g == Sample {
		return "x"
	}
	return "log_prob"
}

// A ContextFeature is a column of the context: a number, or the code 0, 1, … of one of its categories.
type ContextFeature struct {
	Name string
	// Categories is nil where the column holds numbers.
	Categories []string
}

// Code gives the code of a category by its name.
func (c ContextFeature) Code(category string) (float32, bool) {
	code := slices.Index(c.Categories, category)
	return float32(code), code >= 0
}

// Admits tells whether a number may stand in the column: any, or the code of a category.
func (c ContextFeature) Admits(value float32) bool {
	code := float64(value)
	return c.Categories == nil || code >= 0 && code < float64(len(c.Categories)) && code == math.Trunc(code)
}

// A Tolerance is |Δ| ≤ Atol + Rtol · |expected|; for samples Atol is in units of the scale.
type Tolerance struct{ Atol, Rtol float64 }

// Golden is what the trained model gives.
type Golden struct {
	Cases []Case
	// LogProbOfSample is a file: log_prob of the output of the sample case with as many rows.
	LogProbOfSample string
	Noise           []NoisePart
}

// A Case is one run of a graph. Exactly one of Expected and Error is not empty.
type Case struct {
	Name  string
	Graph Graph
	// Inputs are files by tensor.
	Inputs map[string]string
	// Expected is the file of the output.
	Expected string
	// Error is what is to be said of the inputs before anything is run.
	Error Code
	// Rows are the start and the end of those of all its files that count; nil where all do.
	Rows *[2]int
}

// A NoisePart is a file with the normals number Start onwards of a seed.
type NoisePart struct {
	Seed, Start uint64
	File        string
}
