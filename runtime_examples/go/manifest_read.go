package flowbundle

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	// widest row of x, z or context, in numbers: a block of 1,024 rows is then 4 GiB at most.
	widest = 1 << 20
	// What the format's schema allows.
	mostCases, mostNoise = 1000, 100
)

var (
	sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)
	decimal   = regexp.MustCompile(`^[0-9]+$`)
)

// parseManifest reads flow.json, or says which key is at fault and why.
func parseManifest(data []byte) (*Manifest, error) {
	value, err := parseJSON(data)
	if err != nil {
		return nil, err
	}
	var fault error
	root := key{&fault, "", value}
	// First, since every other key may mean something else in another format.
	root.at("format").only(Format)
	if fault != nil {
		return nil, fault
	}
	manifest := readManifest(root)
	return manifest, fault
}

func readManifest(root key) *Manifest {
	root.at("dtype").only("float32")
	root.at("architecture").object()
	for _, name := range root.at("provenance").names() {
		root.at("provenance").at(name).text()
	}
	m := &Manifest{
		Name:        root.at("name").text(),
		Description: root.at("description").text(),
		EventShape:  each(root.at("event_shape").list(1, 3), size),
		LatentSize:  size(root.at("latent_size")),
		Files:       readFiles(root.at("files")),
	}
	if _, found := root.object()["selector"]; found {
		m.Selector = root.at("selector").truth()
	}
	width := 1
	for _, axis := range m.EventShape {
		if axis > widest/width {
			root.at("event_shape").fail("expected at most %d numbers a row", widest)
			return m
		}
		width *= axis
	}
	m.Scale = each(root.at("scale").list(width, width), positive)
	m.Features = numbered("x", width)
	if features := root.at("features"); !features.null() {
		m.Features = each(features.list(width, width), key.text)
	}
	m.Context = readContext(root)
	if reference := root.at("reference"); !reference.null() {
		m.Quantiles = readQuantiles(reference)
	}
	m.Graphs, m.Tolerance = map[Graph]string{}, map[Graph]Tolerance{}
	for _, graph := range []Graph{LogProb, Sample} {
		m.Graphs[graph] = readGraph(root.at("graphs").at(string(graph)), graph, m)
		tolerance := root.at("tolerance").at(string(graph))
		m.Tolerance[graph] = Tolerance{tolerance.at("atol").number(), tolerance.at("rtol").number()}
	}
	golden := root.at("golden")
	m.Golden.LogProbOfSample = listed(golden.at("log_prob_of_sample"), m)
	for _, case_ := range golden.at("cases").list(0, mostCases) {
		m.Golden.Cases = append(m.Golden.Cases, readCase(case_, m))
	}
	for _, noise := range golden.at("noise").list(0, mostNoise) {
		m.Golden.Noise = append(m.Golden.Noise, readNoise(noise, m))
	}
	return m
}

// readFiles gives the hash of each file, whose name goes nowhere but down.
func readFiles(files key) map[string]string {
	hashes := map[string]string{}
	for _, name := range files.names() {
		if !goesDown(name) {
			files.fail("%q leaves the folder", name)
		}
		hash := files.at(name)
		if hashes[name] = hash.text(); !sha256Hex.MatchString(hashes[name]) {
			hash.fail("expected a SHA-256 in lower-case hex")
		}
	}
	return hashes
}

func goesDown(name string) bool {
	outside := func(part string) bool { return part == "" || part == "." || part == ".." }
	return !strings.ContainsAny(name, "\\:\x00") && !slices.ContainsFunc(strings.Split(name, "/"), outside)
}

func readContext(root key) []ContextFeature {
	width := int(root.at("context_size").whole(0, widest))
	features := root.at("context_features")
	if features.null() {
		var columns []ContextFeature
		for _, name := range numbered("c", width) {
			columns = append(columns, ContextFeature{Name: name})
		}
		return columns
	}
	return each(features.list(width, width), func(feature key) ContextFeature {
		column := ContextFeature{Name: feature.at("name").text()}
		if feature.has("categories") {
			column.Categories = each(feature.at("categories").list(0, widest), key.text)
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

func readQuantiles(reference key) []float64 {
	reference.at("rows").whole(1, math.MaxInt32)
	quantiles := reference.at("log_prob_quantiles")
	numbers := each(quantiles.list(101, 101), key.number)
	if !slices.IsSorted(numbers) {
		quantiles.fail("must ascend")
	}
	return numbers
}

// readGraph gives the file of a graph, whose tensors must be those of the model. They are fed by name, so their
// order is free.
func readGraph(graph key, name Graph, m *Manifest) string {
	graph.at("opset").whole(1, math.MaxInt32)
	latent := []int{m.LatentSize}
	inputs, outputs := map[string][]int{"x": m.EventShape}, map[string][]int{"log_prob": {}}
	if name == Sample {
		inputs, outputs = map[string][]int{"z": latent}, map[string][]int{"x": m.EventShape}
	}
	if len(m.Context) > 0 {
		inputs["context"] = []int{len(m.Context)}
	}
	readTensors(graph.at("inputs"), inputs)
	readTensors(graph.at("outputs"), outputs)
	return listed(graph.at("file"), m)
}

func readTensors(tensors key, expected map[string][]int) {
	seen := map[string]bool{}
	for _, tensor := range tensors.list(len(expected), len(expected)) {
		name := tensor.at("name").text()
		shape, known := expected[name]
		if !known || seen[name] {
			tensor.at("name").fail("%q is not expected here", name)
		}
		seen[name] = true
		tensor.at("dtype").only("float32")
		sizes := tensor.at("shape").list(len(shape)+1, len(shape)+1)
		for i, axis := range sizes {
			if i == 0 {
				axis.only("batch")
			} else if found := axis.whole(1, widest); found != uint64(shape[i-1]) {
				axis.fail("expected %d, got %d", shape[i-1], found)
			}
		}
	}
}

func readCase(from key, m *Manifest) Case {
	c := Case{Name: from.at("name").text(), Graph: Graph(from.at("graph").text()), Inputs: map[string]string{}}
	if c.Graph != LogProb && c.Graph != Sample {
		from.at("graph").fail("expected \"log_prob\" or \"sample\"")
	}
	inputs := from.at("inputs")
	inputs.at(c.Graph.Input())
	for _, tensor := range inputs.names() {
		c.Inputs[tensor] = listed(inputs.at(tensor), m)
		if tensor != c.Graph.Input() && tensor != "context" {
			inputs.at(tensor).fail("is no input of %s", c.Graph)
		}
	}
	if from.has("expected") == from.has("error") {
		from.fail("needs either expected or error")
	} else if from.has("expected") {
		c.Expected = listed(from.at("expected").at(c.Graph.Output()), m)
	} else if c.Error = Code(from.at("error").text()); c.Error != WrongShape && c.Error != MissingContext && c.Error != WrongDtype {
		from.at("error").fail("%q is not known", string(c.Error))
	}
	if from.has("rows") {
		rows := from.at("rows").list(2, 2)
		if len(rows) == 2 {
			c.Rows = &[2]int{int(rows[0].whole(0, math.MaxInt32)), int(rows[1].whole(0, math.MaxInt32))}
		}
	}
	return c
}

func readNoise(noise key, m *Manifest) NoisePart {
	text := noise.at("seed").text()
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil || !decimal.MatchString(text) {
		noise.at("seed").fail("%q is no unsigned 64-bit integer", text)
	}
	return NoisePart{seed, noise.at("start").whole(0, math.MaxUint64), listed(noise.at("file"), m)}
}

// listed gives the name of a file, which must be among those of the manifest.
func listed(file key, m *Manifest) string {
	name := file.text()
	if _, found := m.Files[name]; !found {
		file.fail("%q is not listed in files", name)
	}
	return name
}

// only refuses any other text.
func (k key) only(text string) {
	if k.value != any(text) {
		k.fail("this package reads %q, the bundle says %s", text, k.shown())
	}
}

// shown is the value as JSON, cut where it is long.
func (k key) shown() string {
	text, _ := json.Marshal(k.value)
	if len(text) > 80 {
		return string(text[:80]) + "…"
	}
	return string(text)
}

func size(k key) int { return int(k.whole(1, widest)) }

func positive(k key) float64 {
	number := k.number()
	if number <= 0 {
		k.fail("must be positive")
	}
	return number
}
