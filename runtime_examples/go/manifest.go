package flowbundle

import (
	"math"
	"slices"
)

// Format is the format that this package reads. A changed meaning has another number.
const Format = "flowexport/1"

// A Manifest is flow.json as far as a reader needs it. Keys that this package does not know are passed over.
type Manifest struct {
	Name string
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
	// Quantiles are 101 of log_prob on data, in nats: 0 %, 1 %, … 100 %; nil where there is no reference.
	Quantiles []float64
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
func (g Graph) Input() string { return map[Graph]string{LogProb: "x", Sample: "z"}[g] }

// Output is what the graph gives.
func (g Graph) Output() string { return map[Graph]string{LogProb: "log_prob", Sample: "x"}[g] }

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
