package flowbundle

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

var environment sync.Mutex

// startRuntime opens the shared library, once a process. An application that has started onnxruntime_go itself
// shares what it has.
func startRuntime() error {
	environment.Lock()
	defer environment.Unlock()
	if ort.IsInitialized() {
		return nil
	}
	// Before it is loaded: it would write a device's id into the user's cache folder. A user's own word stands.
	if _, said := os.LookupEnv("ORT_DISABLE_TELEMETRY"); !said {
		os.Setenv("ORT_DISABLE_TELEMETRY", "1")
	}
	usual := map[string]string{"windows": "onnxruntime.dll", "darwin": "libonnxruntime.dylib"}[runtime.GOOS]
	ort.SetSharedLibraryPath(cmp.Or(os.Getenv("ORT_DYLIB_PATH"), usual, "libonnxruntime.so"))
	// What goes wrong comes as an error; the log would say it once more, on the user's screen.
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner
		}
		// onnxruntime_go 1.27 works with API 24.
		return &RuntimeError{"ORT_DYLIB_PATH: needs ONNX Runtime 1.24 or later: " + firstLine(err)}
	}
	return nil
}

// A graph is one direction of a model; once open, it runs from several goroutines at once if need be.
type graph struct {
	// Nil where the bundle does not hold it, of which absent says what that means.
	*GraphFile
	absent string
	// The tensors beside the context, and the shapes of their rows.
	input, output string
	in, out       []int
	*ort.DynamicAdvancedSession
}

// open makes the session, of the very bytes that are hashed.
func (g *graph) open(bundle *Bundle, threads int) error {
	onnx, err := bundle.Read(g.File)
	if err != nil {
		return err
	}
	if err := checkGraph(onnx); err != nil {
		return bundle.Fault(g.File, err)
	}
	inputs := []string{g.input}
	if bundle.Manifest.ContextSize > 0 {
		inputs = append(inputs, "context")
	}
	options, err := ort.NewSessionOptions()
	if err == nil {
		defer options.Destroy()
		err = errors.Join(
			options.SetIntraOpNumThreads(threads),
			options.SetInterOpNumThreads(1),
			options.SetLogSeverityLevel(ort.LoggingLevelFatal),
		)
	}
	if err == nil {
		g.DynamicAdvancedSession, err = ort.NewDynamicAdvancedSessionWithONNXData(onnx, inputs, []string{g.output}, options)
	}
	if err != nil {
		return bundle.Fault(g.File, fmt.Errorf("ONNX Runtime cannot open it: %s", firstLine(err)))
	}
	return nil
}

// close gives back the session, where there is one.
func (g *graph) close() error {
	if g.DynamicAdvancedSession == nil {
		return nil
	}
	return g.Destroy()
}

// runGraph runs a graph once, on as many rows of each: those of its input, the context or nil, and where to put the
// output.
func runGraph[T Number](g *graph, rows, context, output *Batch[T]) error {
	// ONNX Runtime holds on to the memory of Go until the tensors are destroyed.
	var pinner runtime.Pinner
	defer pinner.Unpin()
	var values []ort.Value
	defer func() {
		for _, value := range values {
			value.Destroy()
		}
	}()
	for _, tensor := range []*Batch[T]{rows, context, output} {
		if tensor == nil {
			continue
		}
		pinner.Pin(&tensor.Data[0])
		shape := ort.NewShape(int64(tensor.Len()))
		for _, axis := range tensor.Shape {
			shape = append(shape, int64(axis))
		}
		value, err := ort.NewTensor(shape, tensor.Data)
		if err != nil {
			return err
		}
		values = append(values, value)
	}
	last := len(values) - 1
	return g.Run(values[:last], values[last:])
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return line
}
