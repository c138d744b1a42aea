package flowbundle

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// widest row of x, z or context, in numbers: a block of 1,024 rows is then 4 GiB at most.
const widest = 1 << 20

var (
	sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)
	plainName = regexp.MustCompile(`^[A-Za-z0-9_-](\.?[A-Za-z0-9_-])*(/[A-Za-z0-9_-](\.?[A-Za-z0-9_-])*)*$`)
)

// A Manifest is flow.json as far as a reader needs it. Keys that this package does not know are passed over.
type Manifest struct {
	// Format comes first, since every other key may mean something else in another one.
	Format string `key:"format,=flowexport/1"`
	// Dtype is of every input and output: float32 or float64.
	Dtype string `key:"dtype"`
	Name  string `key:"name"`
	// EventShape is the shape of one row of x.
	EventShape []int `key:"event_shape"`
	// LatentSize is the width of z, ContextSize that of the context; 0 for a model without.
	LatentSize  int `key:"latent_size"`
	ContextSize int `key:"context_size"`
	// Features are the names of the numbers of a row of x, in C order: x0, x1, … where the bundle has none.
	Features []string `key:"features,nullable"`
	// Context are its columns, named c0, c1, … where the bundle does not.
	Context []ContextFeature `key:"context_features,nullable"`
	// Graphs has the file of each direction; nil of one that the bundle does not hold, but never of both. Graphs of
	// other names are passed over.
	Graphs struct {
		LogProb *GraphFile `key:"log_prob,optional"`
		Sample  *GraphFile `key:"sample,optional"`
	} `key:"graphs"`
	// Files has the SHA-256 of every file but flow.json.
	Files map[string]string `key:"files"`
	// Scale is the standard deviation of each feature.
	Scale []float64 `key:"scale"`
	// Reference is nil where the model was made without data.
	Reference *Reference `key:"reference,nullable"`
	// Selector tells that the last column of z chooses a component, and takes no temperature.
	Selector bool `key:"selector,optional"`
}

// A GraphFile is the ONNX file of one of the two directions of a model.
type GraphFile struct {
	File string `key:"file"`
}

func (g *GraphFile) String() string { return g.File }

// A Reference turns a score into a percentile.
type Reference struct {
	// Quantiles are 101 of log_prob on data, in nats: 0 %, 1 %, … 100 %.
	Quantiles []float64 `key:"log_prob_quantiles"`
}

// A ContextFeature is a column of the context: a number, or the code 0, 1, … of one of its categories.
type ContextFeature struct {
	Name string `key:"name"`
	// Categories is nil where the column holds numbers.
	Categories []string `key:"categories,optional,nullable"`
}

// Admits tells whether a number may stand in the column: any, or the code of a category.
func (c ContextFeature) Admits(code float64) bool {
	return c.Categories == nil || code >= 0 && code < float64(len(c.Categories)) && code == math.Trunc(code)
}

// check gives the first rule that the manifest breaks, beginning with the key, and names what has no names.
func (m *Manifest) check() error {
	lower := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		if len(name) > 255 || !plainName.MatchString(name) {
			return fmt.Errorf("files: %q leaves the folder, or is no plain name", name)
		}
		if lower[strings.ToLower(name)] {
			return fmt.Errorf("files: %q differs from another in its capitals alone", name)
		}
		lower[strings.ToLower(name)] = true
		if !sha256Hex.MatchString(m.Files[name]) {
			return fmt.Errorf("files.%s: expected a SHA-256 in lower-case hex", name)
		}
	}
	width := 1
	for _, axis := range m.EventShape {
		width *= min(max(axis, 0), widest+1)
	}
	listed := func(graph *GraphFile) bool { return graph == nil || m.Files[graph.File] != "" }
	for _, rule := range []struct {
		key      string
		holds    bool
		expected string
		found    any
	}{
		{"dtype", m.Dtype == "float32" || m.Dtype == "float64", "float32 or float64", m.Dtype},
		{"event_shape", len(m.EventShape) > 0 && len(m.EventShape) <= 3 && width > 0 && width <= widest,
			"one to three sizes", m.EventShape},
		{"latent_size", m.LatentSize > 0 && m.LatentSize <= widest, "a width", m.LatentSize},
		{"context_size", m.ContextSize >= 0 && m.ContextSize <= widest, "a width", m.ContextSize},
		{"scale", len(m.Scale) == width, "a number for each of a row", len(m.Scale)},
		{"features", m.Features == nil || len(m.Features) == width, "a name for each of a row", len(m.Features)},
		{"context_features", m.Context == nil || len(m.Context) == m.ContextSize, "context_size", len(m.Context)},
		{"graphs", m.Graphs.LogProb != nil || m.Graphs.Sample != nil, "log_prob or sample", "neither"},
		{"graphs.log_prob.file", listed(m.Graphs.LogProb), "a file of files", m.Graphs.LogProb},
		{"graphs.sample.file", listed(m.Graphs.Sample), "a file of files", m.Graphs.Sample},
		{"reference.log_prob_quantiles", m.Reference == nil || len(m.Reference.Quantiles) == 101 &&
			slices.IsSorted(m.Reference.Quantiles), "101 ascending numbers", "others"},
	} {
		if !rule.holds {
			return fmt.Errorf("%s: expected %s, got %.80q", rule.key, rule.expected, fmt.Sprint(rule.found))
		}
	}
	for len(m.Features) < width {
		m.Features = append(m.Features, "x"+strconv.Itoa(len(m.Features)))
	}
	for len(m.Context) < m.ContextSize {
		m.Context = append(m.Context, ContextFeature{Name: "c" + strconv.Itoa(len(m.Context))})
	}
	return nil
}
