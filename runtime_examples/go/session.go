package flowbundle

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// oldest version of ONNX Runtime that onnxruntime_go 1.27 works with (API 24).
const oldest = "1.24"

var environment sync.Mutex

// startRuntime opens the shared library, once a process. An application that has started onnxruntime_go itself
// shares what it has.
func startRuntime() error {
	environment.Lock()
	defer environment.Unlock()
	if ort.IsInitialized() {
		return nil
	}
	library := os.Getenv("ORT_DYLIB_PATH")
	if library == "" {
		library = map[string]string{"windows": "onnxruntime.dll", "darwin": "libonnxruntime.dylib"}[runtime.GOOS]
	}
	if library == "" {
		library = "libonnxruntime.so"
	}
	ort.SetSharedLibraryPath(library)
	// What goes wrong comes as an error; the log would say it once more, on the user's screen.
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner
		}
		return &RuntimeError{fmt.Sprintf("ORT_DYLIB_PATH: needs ONNX Runtime %s or later: %s", oldest, firstLine(err))}
	}
	if err := ort.DisableTelemetry(); err != nil {
		return &RuntimeError{"ONNX Runtime: " + firstLine(err)}
	}
	return nil
}

// A session is a graph, ready to run, from several goroutines at once if need be.
type session struct {
	*ort.DynamicAdvancedSession
}

// A tensor is a batch of rows for an input, or for the output, of a graph.
type tensor struct {
	data  []float32
	shape []int
}

// openSession opens the very bytes that were hashed.
func openSession(onnx []byte, inputs []string, output string, threads int) (*session, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	err = errors.Join(
		options.SetIntraOpNumThreads(threads),
		options.SetInterOpNumThreads(1),
		options.SetLogSeverityLevel(ort.LoggingLevelFatal),
	)
	if err != nil {
		return nil, err
	}
	opened, err := ort.NewDynamicAdvancedSessionWithONNXData(onnx, inputs, []string{output}, options)
	if err != nil {
		return nil, err
	}
	return &session{opened}, nil
}

// run runs the graph once, from inputs in the order of their names, into an output of the shape that it must have.
func (s *session) run(inputs []tensor, output tensor, rows int) error {
	// ONNX Runtime holds on to the memory of Go until the tensors are destroyed.
	var pinner runtime.Pinner
	defer pinner.Unpin()
	values := make([]ort.Value, 0, len(inputs)+1)
	defer func() {
		for _, value := range values {
			value.Destroy()
		}
	}()
	for _, tensor := range append(inputs, output) {
		pinner.Pin(&tensor.data[0])
		shape := ort.NewShape(int64(rows))
		for _, axis := range tensor.shape {
			shape = append(shape, int64(axis))
		}
		value, err := ort.NewTensor(shape, tensor.data)
		if err != nil {
			return err
		}
		values = append(values, value)
	}
	return s.Run(values[:len(inputs)], values[len(inputs):])
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return line
}
