package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"flowbundle/golden"
)

const testBundle = "../../testdata/bundle"

func flow(input string, arguments ...string) (status int, out, errs string) {
	var stdout, stderr bytes.Buffer
	status = run(arguments, strings.NewReader(input), &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

func prints(t *testing.T, input string, arguments ...string) string {
	t.Helper()
	status, out, errs := flow(input, arguments...)
	if status != 0 {
		t.Errorf("%v: status %d: %s", arguments, status, errs)
	}
	return out
}

// refuses tells that a command ends with 2 and one line that says so.
func refuses(t *testing.T, message, input string, arguments ...string) {
	t.Helper()
	status, _, errs := flow(input, arguments...)
	lines := strings.Split(strings.TrimSuffix(errs, "\n"), "\n")
	if last := lines[len(lines)-1]; status != 2 || !strings.HasPrefix(last, "flow: ") || !strings.Contains(last, message) {
		t.Errorf("%v: status %d: %s", arguments, status, errs)
	}
	if len(lines) > 1 && !strings.Contains(lines[0], "no percentiles") {
		t.Errorf("%v: %s", arguments, errs)
	}
}

// edited gives a copy of the tests' bundle with another flow.json.
func edited(t *testing.T, edit func(flow map[string]any)) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "bundle")
	if err := os.CopyFS(folder, os.DirFS(testBundle)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "flow.json")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var flow map[string]any
	if err := json.Unmarshal(data, &flow); err != nil {
		t.Fatal(err)
	}
	edit(flow)
	if data, err = json.Marshal(flow); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return folder
}

func goldenCase(flow map[string]any, index int) map[string]any {
	return flow["golden"].(map[string]any)["cases"].([]any)[index].(map[string]any)
}

func TestGoldenTellsOfEveryCaseAndCountsThem(t *testing.T) {
	told := prints(t, "", "golden", testBundle)
	if strings.Count(told, "\tpassed\n") != 7 || !strings.HasSuffix(told, "\npassed 7, failed 0\n") ||
		!strings.Contains(told, "double\twrong_dtype\twrong_dtype\tpassed\n") {
		t.Error(told)
	}
}

func TestAGoldenCaseThatFailsIsToldOfAndEndsWith1(t *testing.T) {
	wrong := edited(t, func(flow map[string]any) {
		goldenCase(flow, 0)["expected"] = map[string]any{"log_prob": "golden/log_prob_of_sample.npy"}
		goldenCase(flow, 3)["error"] = "wrong_dtype"
	})
	status, told, errs := flow("", "golden", wrong)
	first, _, _ := strings.Cut(told, "\n")
	if status != 1 || errs != "" || !strings.HasSuffix(first, "\tfailed") ||
		!strings.Contains(told, "turned\twrong_shape\twrong_dtype\tfailed\n") || !strings.HasSuffix(told, "passed 5, failed 2\n") {
		t.Errorf("status %d: %s%s", status, told, errs)
	}
	short := edited(t, func(flow map[string]any) { goldenCase(flow, 1)["rows"] = []int{2, 4} })
	refuses(t, "fewer rows", "", "golden", short)
}

func TestCompare(t *testing.T) {
	narrow := golden.Tolerance{Atol: 0.1, Rtol: 0.01}
	nan, infinity := math.NaN(), math.Inf(-1)
	for _, c := range []struct {
		found    []float64
		expected []float64
		unit     []float64
		passes   bool
	}{
		{[]float64{100}, []float64{101}, []float64{1}, true},
		{[]float64{100}, []float64{102}, []float64{1}, false},
		{[]float64{0}, []float64{0.09}, []float64{1}, true},
		{[]float64{0}, []float64{0.11}, []float64{1}, false},
		{[]float64{0, 0, 0, 0}, []float64{0, 0.9, 0, 0.9}, []float64{1, 10}, true},
		{[]float64{0, 0, 0, 0}, []float64{0, 0.9, 0.9, 0}, []float64{1, 10}, false},
		{[]float64{nan}, []float64{0}, []float64{1}, false},
		{[]float64{0}, []float64{nan}, []float64{1}, false},
		{[]float64{0, 0}, []float64{0}, []float64{1}, false},
		{nil, nil, []float64{1}, false},
		{[]float64{infinity}, []float64{infinity}, []float64{1}, true},
		{[]float64{infinity}, []float64{0}, []float64{1}, false},
		{[]float64{0}, []float64{infinity}, []float64{1}, false},
	} {
		if line := compare(c.found, c.expected, narrow, c.unit, make([]float64, len(c.expected))); line.passed != c.passes {
			t.Errorf("%v, expected %v: %v", c.found, c.expected, line)
		}
	}
	nearest := compare([]float64{0, 1000}, []float64{0.09, 1001}, narrow, []float64{1}, make([]float64, 2))
	if nearest.found != "9.000e-02" || nearest.bound != "1.009e-01" {
		t.Error(nearest)
	}
}

func TestScoreFindsColumnsByNameAndCategoriesByLabel(t *testing.T) {
	rows := "\ufeffnote,cut,x3,x2,x1,x0,angle\n\"a, b\",good,1,1,1,1,0.5\n,ideal,1,1,1, 1e0 ,-1\r\n,fair,1,1,1,0,0"
	if out := prints(t, rows, "score", testBundle); out != "log_prob\n10.5\n19\n-inf\n" {
		t.Error(out)
	}
	if out := prints(t, "x0,x1,x2,x3,cut,angle\n", "score", testBundle); out != "log_prob\n" {
		t.Error(out)
	}
}

func TestScoreRefusesByRowAndColumn(t *testing.T) {
	const good = "x0,x1,x2,x3,cut,angle\n1,1,1,1,fair,0\n"
	for row, message := range map[string]string{
		"1,1,abc,1,fair,0":  `row 2, column "x2": "abc" is not a finite number`,
		"1,1,,1,fair,0":     `row 2, column "x2"`,
		"1,nan,1,1,fair,0":  `row 2, column "x1"`,
		"1,1e39,1,1,fair,0": `row 2, column "x1"`,
		"1,0x1,1,1,fair,0":  `row 2, column "x1"`,
		"1,1,1,1,poor,0":    `row 2, column "cut": "poor" is no category`,
		"1,1,1,1,3,0":       `row 2, column "cut"`,
		"1,1,1,1,fair":      "row 2: expected 6 cells, got 5",
		"1,1,1,1,\"fair,0":  "row 2",
	} {
		refuses(t, message, good+row+"\n", "score", testBundle)
	}
	refuses(t, `no column "cut"`, "x0,x1,x2,x3,angle\n", "score", testBundle)
	refuses(t, `column "x0" is there twice`, "x0,x1,x2,x3,cut,angle,x0\n", "score", testBundle)
	refuses(t, `no column "x0"`, "", "score", testBundle)
}

func TestSamplePrintsTheRowsOfASeed(t *testing.T) {
	all := prints(t, "", "sample", testBundle, "1500", "18446744073709551615", "--context", "good,0.5")
	if strings.Count(all, "\n") != 1501 {
		t.Error(all)
	}
	few := prints(t, "", "sample", testBundle, "3", "18446744073709551615", "1", "--context", "1,0.5")
	if !strings.HasPrefix(all, few) || strings.Count(few, "\n") != 4 {
		t.Error(few)
	}
	if none := prints(t, "", "sample", testBundle, "0", "0", "--context", "-0,-1"); none != "x0,x1,x2,x3\n" {
		t.Error(none)
	}
}

func TestBadUsageAndBadBundlesEndWith2AndOneLine(t *testing.T) {
	zeros := strings.Repeat("0", 64)
	listing := func(name string) string {
		return edited(t, func(flow map[string]any) { flow["files"].(map[string]any)[name] = zeros })
	}
	for _, c := range []struct {
		message   string
		arguments []string
	}{
		{"usage", nil},
		{"usage", []string{"frobnicate", testBundle}},
		{"usage", []string{"golden"}},
		{"usage", []string{"bench", testBundle, testBundle}},
		{"nonexistent", []string{"golden", "nonexistent"}},
		{`files: "../x" leaves the folder`, []string{"golden", listing("../x")}},
		{"files: ", []string{"golden", listing("a\nb")}},
		{"usage", []string{"sample", testBundle, "1"}},
		{"usage", []string{"sample", testBundle, "1", "0", "1", "1"}},
		{"N: ", []string{"sample", testBundle, "-1", "0"}},
		{"SEED: ", []string{"sample", testBundle, "1", "18446744073709551616"}},
		{"SEED: ", []string{"sample", testBundle, "1", "0x1"}},
		{"TEMPERATURE: ", []string{"sample", testBundle, "1", "0", "warm"}},
		{"temperature", []string{"sample", testBundle, "1", "0", "-1", "--context", "1,1"}},
		{"--context: expected V1,V2", []string{"sample", testBundle, "1", "0", "--context"}},
		{"--context: expected 2 values", []string{"sample", testBundle, "1", "0", "--context", "1"}},
		{`--context: column "cut"`, []string{"sample", testBundle, "1", "0", "--context", "best,1"}},
		{"this model needs", []string{"sample", testBundle, "0", "0"}},
		{"rows", []string{"sample", testBundle, "18446744073709551615", "0", "--context", "1,1"}},
	} {
		refuses(t, c.message, "", c.arguments...)
	}
}

func TestNumbersAreTheShortestTextThatReadsBack(t *testing.T) {
	for text, number := range map[string]float32{
		"0.1": 0.1, "-3": -3, "16777216": 16777216, "1e-07": 1e-7, "1.5e+20": 1.5e20, "0": 0,
		"-inf": float32(math.Inf(-1)), "inf": float32(math.Inf(1)), "nan": float32(math.NaN()),
	} {
		if found := string(appendShortest(nil, float64(number), 32)); found != text {
			t.Errorf("%s, expected %s", found, text)
		}
	}
	if found := string(appendShortest(nil, 1.0/3, 64)); found != "0.3333333333333333" {
		t.Error(found)
	}
}

// A process of its own, since ONNX Runtime is opened once a process.
func TestWithoutONNXRuntimeThereIsAnError(t *testing.T) {
	if library := os.Getenv("TEST_WITH_LIBRARY"); library != "" {
		os.Exit(run([]string{"golden", testBundle}, nil, os.Stdout, os.Stderr))
	}
	for _, library := range []string{"/nonexistent.so", testBundle + "/log_prob.onnx"} {
		again := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
		again.Env = append(os.Environ(), "TEST_WITH_LIBRARY=1", "ORT_DYLIB_PATH="+library)
		var errs bytes.Buffer
		again.Stderr = &errs
		again.Run()
		if again.ProcessState.ExitCode() != 2 || !strings.HasPrefix(errs.String(), "flow: ORT_DYLIB_PATH: ") ||
			strings.Count(errs.String(), "\n") != 1 || !strings.Contains(errs.String(), library) {
			t.Errorf("%v: %s", again.ProcessState, errs.String())
		}
	}
}
