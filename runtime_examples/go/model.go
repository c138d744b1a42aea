package flowbundle

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"sort"
	"sync"
)

// A Model is a density that can be evaluated and sampled. It may be used by several goroutines at once. Close
// gives back what it holds outside of Go's memory.
type Model struct {
	bundle          *Bundle
	logProb, sample *graph
	// open is held for reading by every run, and for writing to close.
	open   sync.RWMutex
	closed bool
}

// hottest is the highest temperature: a little above it, neighbouring float32 latents are a standard deviation apart.
const hottest = 1_000_000

// An Option changes how a model is opened.
type Option func(*settings)

type settings struct {
	threads int
	digest  string
}

// Digest pins a bundle: the SHA-256 of its flow.json, in lower-case hex. Another one is refused.
func Digest(digest string) Option { return func(s *settings) { s.digest = digest } }

// Threads asks for so many threads inside of a run, which pays for wide models alone; by default there is one.
func Threads(count int) Option { return func(s *settings) { s.threads = count } }

// Open opens a bundle for use, on ONNX Runtime. The shared library is the one that the environment variable
// ORT_DYLIB_PATH names, or else what the system finds by its usual name; it must be of version 1.24 or later.
//
// The error is a [BundleError] for a bundle that breaks its contract, and a [RuntimeError] where ONNX Runtime
// cannot be had.
func Open(folder string, options ...Option) (*Model, error) {
	chosen := settings{threads: 1}
	for _, option := range options {
		option(&chosen)
	}
	bundle, err := openBundle(folder, chosen.digest)
	if err != nil {
		return nil, err
	}
	if err := startRuntime(); err != nil {
		return nil, err
	}
	graphs, event, latent := bundle.Manifest.Graphs, bundle.Manifest.EventShape, []int{bundle.Manifest.LatentSize}
	m := &Model{
		bundle: bundle,
		logProb: &graph{GraphFile: graphs.LogProb, input: "x", in: event, output: "log_prob",
			absent: "sample alone, and no log_prob, so it cannot evaluate densities"},
		sample: &graph{GraphFile: graphs.Sample, input: "z", in: latent, output: "x", out: event,
			absent: "log_prob alone, and no sample, so it cannot draw samples"},
	}
	for _, graph := range []*graph{m.logProb, m.sample} {
		if graph.GraphFile == nil {
			continue
		}
		if err := graph.open(bundle, chosen.threads); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	return m, nil
}

// require says what a bundle of the other direction alone cannot do.
func (m *Model) require(graph *graph) error {
	if graph.GraphFile != nil {
		return nil
	}
	return m.bundle.Fault("flow.json", fmt.Errorf(
		"graphs: the bundle holds %s; flowexport export --graphs log_prob,sample makes one that can", graph.absent))
}

// Close gives back what the model holds outside of Go's memory, once the runs that are under way have ended.
func (m *Model) Close() error {
	m.open.Lock()
	defer m.open.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	return errors.Join(m.logProb.close(), m.sample.close())
}

// Bundle is what the model was opened from.
func (m *Model) Bundle() *Bundle { return m.bundle }

// Manifest is the bundle's flow.json.
func (m *Model) Manifest() *Manifest { return m.bundle.Manifest }

// LogProb gives the log-density of rows, in nats, in the data's own units: one number a row, −∞ outside of the
// support.
//
// x are rows of the bundle's event shape. The context is one row for all of them or one for each; nil where the
// model takes none. An [InputError] says what does not fit, a [BundleError] that the graph cannot be run.
func (m *Model) LogProb(x, context *Rows) ([]float32, error) {
	return score(m, x, context)
}

// LogProb64 is [Model.LogProb] in float64, which has all digits of a model of that type.
func (m *Model) LogProb64(x, context *Rows64) ([]float64, error) {
	return score(m, x, context)
}

func score[T Number](m *Model, x, context *Batch[T]) ([]T, error) {
	scores, err := runRows(m, m.logProb, x, context)
	if err != nil {
		return nil, err
	}
	return scores.Data, nil
}

// Percentile says where a score stands among those of the data that the model was made from: 0 to 100, linear
// between the bundle's quantiles. It is false where the bundle has no reference.
func (m *Model) Percentile(logProb float32) (float64, bool) { return m.Percentile64(float64(logProb)) }

// Percentile64 is [Model.Percentile] of a score in float64.
func (m *Model) Percentile64(logProb float64) (float64, bool) {
	if m.Manifest().Reference == nil {
		return 0, false
	}
	return interpolate(logProb, m.Manifest().Reference.Quantiles), true
}

// Sample draws the first rows of the sample that belongs to a seed, the same in every language.
//
// The temperature multiplies the noise: 1 for the model's own. The context is one row for all or one for each; nil
// where the model takes none. An [InputError] says what does not fit, a [BundleError] that the graph cannot be run.
func (m *Model) Sample(count int, seed uint64, temperature float32, context *Rows) (*Rows, error) {
	return m.SampleRange(0, count, seed, temperature, context)
}

// SampleRange draws count rows of the same sample, from number start on: any of them can be drawn alone.
func (m *Model) SampleRange(start uint64, count int, seed uint64, temperature float32, context *Rows) (*Rows, error) {
	return sampleRange(m, start, count, seed, temperature, context)
}

// SampleRange64 is [Model.SampleRange] in float64, which has all digits of a model of that type.
func (m *Model) SampleRange64(start uint64, count int, seed uint64, temperature float32, context *Rows64) (*Rows64, error) {
	return sampleRange(m, start, count, seed, temperature, context)
}

func sampleRange[T Number](
	m *Model, start uint64, count int, seed uint64, temperature float32, context *Batch[T],
) (*Batch[T], error) {
	if err := m.require(m.sample); err != nil {
		return nil, err
	}
	if !(temperature >= 0 && temperature <= hottest) {
		return nil, inputError(WrongValue, "temperature: expected a number from 0 to %v, got %v", hottest, temperature)
	}
	latent := m.Manifest().LatentSize
	end, carry := bits.Add64(start, uint64(count), 0)
	if high, _ := bits.Mul64(end, uint64(latent)); count < 0 || carry != 0 || high != 0 {
		return nil, inputError(WrongValue, "rows: %d from %d on are not what a seed has noise for", count, start)
	}
	warm := latent
	if m.Manifest().Selector {
		// The last column of a mixture's noise chooses the component; it has no temperature.
		warm--
	}
	noise := func(first, last int) *Batch[T] {
		z := Normals(seed, (start+uint64(first))*uint64(latent), (last-first)*latent)
		for i := range z {
			if i%latent < warm {
				z[i] *= temperature
			}
		}
		return as[T](&Rows{z, []int{latent}})
	}
	return run(m, m.sample, count, noise, context)
}

// SampleFrom is the deterministic map from noise to data that Sample runs: z are rows of the latent size, the
// context is as there.
func (m *Model) SampleFrom(z, context *Rows) (*Rows, error) {
	return runRows(m, m.sample, z, context)
}

// SampleFrom64 is [Model.SampleFrom] in float64, which has all digits of a model of that type.
func (m *Model) SampleFrom64(z, context *Rows64) (*Rows64, error) {
	return runRows(m, m.sample, z, context)
}

// runRows runs a graph on rows of its input.
func runRows[T Number](m *Model, graph *graph, rows, context *Batch[T]) (*Batch[T], error) {
	if err := m.require(graph); err != nil {
		return nil, err
	}
	count, err := rows.count(graph.input, graph.in...)
	if err != nil {
		return nil, err
	}
	return run(m, graph, count, rows.Slice, context)
}

// run runs a graph a block at a time, on so many rows, of which part gives those of a block. No rows are none:
// onnxruntime_go refuses a batch that is empty, and there is nothing to run.
func run[T Number](
	m *Model, graph *graph, count int, part func(start, stop int) *Batch[T], given *Batch[T],
) (*Batch[T], error) {
	context, err := contextOf(m.Manifest(), given, count)
	if err != nil {
		return nil, err
	}
	m.open.RLock()
	defer m.open.RUnlock()
	if m.closed {
		return nil, ErrClosed
	}
	found := &Batch[T]{make([]T, count*product(graph.out)), graph.out}
	for start := 0; start < count; start += BlockRows {
		stop := min(start+BlockRows, count)
		rows, contexts, results := part(start, stop), context(start, stop), found.Slice(start, stop)
		runIn := runAs[float32, T]
		if m.Manifest().Dtype == "float64" {
			runIn = runAs[float64, T]
		}
		if err := runIn(graph, rows, contexts, results); err != nil {
			return nil, m.bundle.Fault(graph.File, fmt.Errorf("cannot be run: %s", firstLine(err)))
		}
		if graph == m.logProb {
			floor(results.Data, rows, contexts)
		}
	}
	return found, nil
}

// runAs runs a graph of type M once, on rows of another, and puts what comes out into results.
func runAs[M, T Number](graph *graph, rows, context, results *Batch[T]) error {
	out := as[M](results)
	err := runGraph(graph, as[M](rows), as[M](context), out)
	copy(results.Data, as[T](out).Data)
	return err
}

// interpolate gives the place of a value among ascending quantiles, linear between them; NaN stays NaN.
func interpolate(value float64, quantiles []float64) float64 {
	above := sort.Search(len(quantiles), func(i int) bool { return quantiles[i] > value })
	switch {
	case math.IsNaN(value):
		return value
	case above == 0:
		return 0
	case above == len(quantiles):
		return float64(above - 1)
	}
	low, high := quantiles[above-1], quantiles[above]
	return float64(above-1) + (value-low)/(high-low)
}
