package flowbundle

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

var image = []int{1, 2, 2}

func open(t testing.TB, folder string, options ...Option) *Model {
	t.Helper()
	model, err := Open(folder, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	})
	return model
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func near(a, b, within float64) bool { return math.Abs(a-b) <= within }

func TestLogProbIsThatOfTheGraphWhoseInputsGoByName(t *testing.T) {
	model := open(t, testBundle, Threads(2))
	x := &Rows{[]float32{1, 2, 4, 0.5, 1, 0, 1, 1}, image}
	found := must(model.LogProb(x, RowsOf([]float32{2, 0.25}, []float32{1, 0})))
	if !near(float64(found[0]), math.Log(4)+20.25, 1e-5) || !math.IsInf(float64(found[1]), -1) {
		t.Error(found)
	}
	if same := must(model.LogProb(x, RowsOf([]float32{2, 0.25}))); same[0] != found[0] {
		t.Error(same)
	}
}

func TestASampleIsTheNoiseOfItsSeedWhoseSelectorTakesNoTemperature(t *testing.T) {
	model := open(t, testBundle)
	noise := Normals(7, 0, 3*5)
	for _, temperature := range []float32{1, 0.7, 0} {
		found := must(model.Sample(3, 7, temperature, RowsOf([]float32{1, 0.5})))
		for row := range found.Len() {
			z := noise[5*row : 5*row+5]
			for i, x := range found.Row(row) {
				if !near(float64(x), float64(temperature*z[i]+100*z[4]+10.5), 1e-4) {
					t.Errorf("temperature %v, row %d: %v", temperature, row, x)
				}
			}
		}
	}
}

func TestAnyRowsOfASampleCanBeDrawnAlone(t *testing.T) {
	model := open(t, testBundle)
	draw := func(start uint64, count int) *Rows {
		return must(model.SampleRange(start, count, math.MaxUint64, 1, RowsOf([]float32{1, 0.5})))
	}
	all := draw(0, 2500)
	for _, part := range [][2]int{{0, 1}, {0, 0}, {1023, 2}, {1024, 1024}, {2499, 1}} {
		start, count := part[0], part[1]
		if found := draw(uint64(start), count); !slices.Equal(found.Data, all.Data[4*start:4*(start+count)]) {
			t.Errorf("%d from %d", count, start)
		}
	}
	if found := draw(1<<60, 2); found.Len() != 2 {
		t.Error(found)
	}
}

func TestBlocksAreSeenFromOutsideByNothing(t *testing.T) {
	model := open(t, testBundle)
	rows := 2*BlockRows + 3
	x, context := &Rows{make([]float32, 4*rows), image}, &Rows{make([]float32, 2*rows), []int{2}}
	for row := range rows {
		for i := range 4 {
			x.Data[4*row+i] = float32(1 + 4*row + i)
		}
		context.Data[2*row], context.Data[2*row+1] = float32(row%3), float32(row)
	}
	all := must(model.LogProb(x, context))
	for _, row := range []int{0, BlockRows - 1, BlockRows, 2 * BlockRows, rows - 1} {
		alone := must(model.LogProb(x.Slice(row, row+1), context.Slice(row, row+1)))
		if !near(float64(all[row]), float64(alone[0]), 1e-3) {
			t.Errorf("row %d: %v, alone %v", row, all[row], alone[0])
		}
	}
}

func TestNoRowsGiveNone(t *testing.T) {
	model := open(t, testBundle)
	for _, context := range []*Rows{RowsOf([]float32{1, 0.5}), {Shape: []int{2}}} {
		if found := must(model.LogProb(&Rows{Shape: image}, context)); len(found) != 0 {
			t.Error(found)
		}
		if found := must(model.SampleFrom(&Rows{Shape: []int{5}}, context)); found.Len() != 0 {
			t.Error(found)
		}
		if found := must(model.Sample(0, 1, 1, context)); found.Len() != 0 {
			t.Error(found)
		}
	}
}

func TestWhatDoesNotFitIsRefusedByItsCode(t *testing.T) {
	model := open(t, testBundle)
	one, two := RowsOf([]float32{1, 0.5}), &Rows{make([]float32, 8), image}
	nan, infinity := float32(math.NaN()), float32(math.Inf(1))
	logProb := func(x, context *Rows) error { _, err := model.LogProb(x, context); return err }
	sample := func(start uint64, count int, temperature float32, context *Rows) error {
		_, err := model.SampleRange(start, count, 0, temperature, context)
		return err
	}
	coded := func(code float32) error { return logProb(two, RowsOf([]float32{0, 0}, []float32{code, 0})) }
	for name, refusal := range map[string]struct {
		err  error
		code Code
	}{
		"turned":             {logProb(&Rows{two.Data, []int{2, 2, 1}}, one), WrongShape},
		"flat":               {logProb(&Rows{two.Data, []int{4}}, one), WrongShape},
		"torn":               {logProb(&Rows{two.Data[:7], image}, one), WrongShape},
		"shapeless":          {logProb(&Rows{Data: two.Data}, one), WrongShape},
		"nil":                {logProb(nil, one), WrongShape},
		"three contexts":     {logProb(two, RowsOf([]float32{1, 0}, []float32{1, 0}, []float32{1, 0})), WrongShape},
		"no context's row":   {logProb(two, &Rows{Shape: []int{2}}), WrongShape},
		"narrow context":     {logProb(two, RowsOf([]float32{1})), WrongShape},
		"ragged context":     {logProb(two, RowsOf([]float32{1}, []float32{1, 0, 0})), WrongShape},
		"missing context":    {logProb(two, nil), MissingContext},
		"narrow noise":       {second(model.SampleFrom(RowsOf(make([]float32, 4)), one)), WrongShape},
		"no context":         {sample(0, 1, 1, nil), MissingContext},
		"code above":         {coded(3), UnknownCategory},
		"code below":         {coded(-1), UnknownCategory},
		"code between":       {coded(0.5), UnknownCategory},
		"code NaN":           {coded(nan), UnknownCategory},
		"code infinite":      {coded(infinity), UnknownCategory},
		"cold":               {sample(0, 1, -0.1, one), WrongValue},
		"temperature NaN":    {sample(0, 1, nan, one), WrongValue},
		"infinitely hot":     {sample(0, 1, infinity, one), WrongValue},
		"beyond the noise":   {sample(math.MaxUint64-1, 1, 1, one), WrongValue},
		"beyond 64 bits":     {sample(math.MaxUint64, 1, 1, one), WrongValue},
		"fewer rows than no": {sample(0, -1, 1, one), WrongValue},
	} {
		var input *InputError
		if !errors.Is(refusal.err, refusal.code) || !errors.As(refusal.err, &input) {
			t.Errorf("%s: %v", name, refusal.err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestAGraphThatCannotBeRunIsAFaultOfTheBundle(t *testing.T) {
	var fault *BundleError
	folder := scratch(t)
	replace(t, folder, "sample.onnx", []byte("\x08\x0a\x12\x03not an onnx file"))
	_, err := Open(folder)
	if !errors.As(err, &fault) || filepath.Base(fault.Path) != "sample.onnx" || strings.Contains(fault.Reason, "\n") {
		t.Error(err)
	}
	folder = scratch(t)
	replace(t, folder, "log_prob.onnx", must(os.ReadFile(filepath.Join(folder, "sample.onnx"))))
	_, err = Open(folder)
	if err == nil {
		_, err = open(t, folder).LogProb(&Rows{make([]float32, 4), image}, RowsOf([]float32{0, 0}))
	}
	if !errors.As(err, &fault) || filepath.Base(fault.Path) != "log_prob.onnx" {
		t.Error(err)
	}
}

func TestABundleOfOneDirectionDoesThatAndSaysWhatItCannotDo(t *testing.T) {
	x, one := &Rows{make([]float32, 4), image}, RowsOf([]float32{1, 0})
	for held, other := range map[string]string{"log_prob": "sample", "sample": "log_prob"} {
		folder := scratch(t)
		edit(t, folder, "graphs "+other, missing{})
		edit(t, folder, "files "+other+".onnx", missing{})
		model := open(t, folder)
		can := map[string][]error{
			"log_prob": {second(model.LogProb(x, one))},
			"sample": {
				second(model.Sample(0, 0, 1, one)),
				second(model.SampleFrom(RowsOf(make([]float32, 5)), one)),
			},
		}
		for _, err := range can[held] {
			if err != nil {
				t.Error(err)
			}
		}
		for _, err := range can[other] {
			var fault *BundleError
			if !errors.As(err, &fault) || !strings.HasPrefix(fault.Reason, "graphs: the bundle holds "+held+" alone, and no "+other) {
				t.Errorf("%s: %v", held, err)
			}
		}
	}
}

func TestOneModelServesSeveralGoroutines(t *testing.T) {
	model := open(t, testBundle)
	draw := func() []float32 { return must(model.Sample(200, 3, 1, RowsOf([]float32{2, 0.5}))).Data }
	expected := draw()
	var group sync.WaitGroup
	for range 4 {
		group.Add(1)
		go func() {
			defer group.Done()
			for range 50 {
				if !slices.Equal(draw(), expected) {
					t.Error("another goroutine changed the sample")
				}
			}
		}()
	}
	group.Wait()
}

func TestAModelThatWasClosedSaysSo(t *testing.T) {
	model := open(t, testBundle)
	for range 2 {
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := model.Sample(1, 0, 1, RowsOf([]float32{0, 0})); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestThereIsAPercentileWhereThereIsAReference(t *testing.T) {
	if _, found := open(t, testBundle).Percentile(0); found {
		t.Error("there is no reference")
	}
	quantiles := make([]int, 101)
	for i := range quantiles {
		quantiles[i] = 2*i - 200
	}
	folder := scratch(t)
	edit(t, folder, "reference", map[string]any{"rows": 1000, "log_prob_quantiles": quantiles})
	model := open(t, folder)
	for logProb, expected := range map[float64]float64{-99: 50.5, math.Inf(-1): 0, -200: 0, 1: 100, 0: 100, -198: 1} {
		if percentile, found := model.Percentile(float32(logProb)); !found || percentile != expected {
			t.Errorf("%v: %v", logProb, percentile)
		}
	}
	if percentile, _ := model.Percentile(float32(math.NaN())); !math.IsNaN(percentile) {
		t.Error(percentile)
	}
	if place := interpolate(-2, []float64{-4, -2, -2, 1}); place != 2 {
		t.Error(place)
	}
}
