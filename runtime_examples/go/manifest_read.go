package flowbundle

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// widest row of x, z or context, in numbers: a block of 1,024 rows is then 4 GiB at most.
const widest = 1 << 20

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

func readManifest(root Key) *Manifest {
	root.At("dtype").Only("float32")
	m := &Manifest{
		Name:       root.At("name").Text(),
		EventShape: Each(root.At("event_shape").List(1, 3), size),
		LatentSize: size(root.At("latent_size")),
		Files:      readFiles(root.At("files")),
	}
	if _, found := root.Object()["selector"]; found {
		m.Selector = root.At("selector").Truth()
	}
	width := 1
	for _, axis := range m.EventShape {
		if axis > widest/width {
			root.At("event_shape").Fail("expected at most %d numbers a row", widest)
			return m
		}
		width *= axis
	}
	root.At("scale").List(width, width)
	m.Features = numbered("x", width)
	if features := root.At("features"); !features.Null() {
		m.Features = Each(features.List(width, width), Key.Text)
	}
	m.Context = readContext(root)
	if reference := root.At("reference"); !reference.Null() {
		m.Quantiles = readQuantiles(reference)
	}
	m.Graphs = map[Graph]string{}
	for _, graph := range []Graph{LogProb, Sample} {
		m.Graphs[graph] = root.At("graphs").At(string(graph)).At("file").OneOf(m.Files)
	}
	return m
}

// readFiles gives the hash of each file, whose name goes nowhere but down.
func readFiles(files Key) map[string]string {
	hashes := map[string]string{}
	for _, name := range files.Names() {
		if !goesDown(name) {
			files.Fail("%q leaves the folder", name)
		}
		hash := files.At(name)
		if hashes[name] = hash.Text(); !sha256Hex.MatchString(hashes[name]) {
			hash.Fail("expected a SHA-256 in lower-case hex")
		}
	}
	return hashes
}

func goesDown(name string) bool {
	outside := func(part string) bool { return part == "" || part == "." || part == ".." }
	return !strings.ContainsAny(name, "\\:\x00") && !slices.ContainsFunc(strings.Split(name, "/"), outside)
}

func readContext(root Key) []ContextFeature {
	width := int(root.At("context_size").Whole(0, widest))
	features := root.At("context_features")
	if features.Null() {
		var columns []ContextFeature
		for _, name := range numbered("c", width) {
			columns = append(columns, ContextFeature{Name: name})
		}
		return columns
	}
	return Each(features.List(width, width), func(feature Key) ContextFeature {
		column := ContextFeature{Name: feature.At("name").Text()}
		if feature.Has("categories") {
			column.Categories = Each(feature.At("categories").List(0, widest), Key.Text)
		}
		return column
	})
}

func numbered(letter string, count int) []string {
	names := make([]string, count)
	for i := range names {
		names[i] = letter + strconv.Itoa(i)
	}
	return names
}

func readQuantiles(reference Key) []float64 {
	quantiles := reference.At("log_prob_quantiles")
	numbers := Each(quantiles.List(101, 101), Key.Number)
	if !slices.IsSorted(numbers) {
		quantiles.Fail("must ascend")
	}
	return numbers
}

func size(k Key) int { return int(k.Whole(1, widest)) }
