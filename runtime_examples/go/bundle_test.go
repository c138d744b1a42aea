package flowbundle

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// refused gives the reason why a bundle is, in one line.
func refused(t *testing.T, folder string) string {
	t.Helper()
	_, err := OpenBundle(folder)
	var fault *BundleError
	if !errors.As(err, &fault) {
		t.Errorf("expected a fault of the bundle, got %v", err)
		return ""
	}
	if !strings.HasPrefix(fault.Path, folder) || strings.Contains(fault.Reason, "\n") {
		t.Errorf("%q", fault.Error())
	}
	return fault.Reason
}

func TestAWholeBundleOpensAndGivesItsFiles(t *testing.T) {
	bundle, err := OpenBundle(testBundle)
	if err != nil {
		t.Fatal(err)
	}
	if names := strings.Join(bundle.Manifest.Features, " "); names != "x0 x1 x2 x3" {
		t.Error(names)
	}
	if categories := strings.Join(bundle.Manifest.Context[0].Categories, " "); categories != "fair good ideal" {
		t.Error(categories)
	}
	if _, err := bundle.Read("flow.json"); err == nil || !strings.Contains(err.Error(), "not listed") {
		t.Error(err)
	}
}

func TestEveryKeyThatIsNotOptionalMustBeThere(t *testing.T) {
	for _, path := range []string{
		"format", "name", "dtype", "event_shape", "latent_size", "context_size", "features", "context_features", "graphs",
		"graphs log_prob file", "graphs sample file", "files", "scale", "reference",
	} {
		folder := scratch(t)
		edit(t, folder, path, missing{})
		names := strings.Split(path, " ")
		if reason := refused(t, folder); !strings.Contains(reason, names[len(names)-1]+": is missing") {
			t.Errorf("%s: %s", path, reason)
		}
	}
}

func TestWhatIsWrongWithAKeyIsSaidByItsName(t *testing.T) {
	zeros := strings.Repeat("0", 64)
	descending := make([]int, 101)
	for i := range descending {
		descending[i] = -i
	}
	quantiles := func(numbers ...int) any { return map[string]any{"rows": 9, "log_prob_quantiles": numbers} }
	for _, fault := range []struct {
		path  string
		value any
		key   string
	}{
		{"format", "flowexport/2", "format: "},
		{"format", 1, "format: "},
		{"dtype", "float16", "dtype: "},
		{"name", 1, "name: "},
		{"event_shape", []int{}, "event_shape: "},
		{"event_shape", []int{0}, "event_shape: "},
		{"event_shape", []int{1, 1, 2, 2}, "event_shape: "},
		{"event_shape", []int{-1}, "event_shape: "},
		{"event_shape", []int{2147483647, 2147483647, 2147483647}, "event_shape: "},
		{"event_shape", []int{1 << 20, 1 << 20, 1 << 20}, "event_shape: "},
		{"latent_size", 0, "latent_size: "},
		{"latent_size", 2147483647, "latent_size: "},
		{"latent_size", 2.5, "latent_size: "},
		{"context_size", "2", "context_size: "},
		{"features", []string{"one"}, "features: "},
		{"context_features", []any{}, "context_features: "},
		{"context_features 0 categories", "fair", "context_features[0].categories: "},
		{"graphs", map[string]any{"latent": map[string]any{}}, "graphs: expected log_prob or sample"},
		{"graphs sample", nil, "graphs.sample: is null"},
		{"graphs sample file", "other.onnx", `graphs.sample.file: expected a file of files, got "other.onnx"`},
		{"files log_prob.onnx", "ABC", "files.log_prob.onnx: "},
		{"files ../x", zeros, `files: "../x" leaves`},
		{"files /x", zeros, `files: "/x" leaves`},
		{"files a/./x", zeros, `files: "a/./x" leaves`},
		{"files a\\x", zeros, "leaves"},
		{"files c:x", zeros, "leaves"},
		{"files ", zeros, "leaves"},
		{"scale", []int{1, 1, 1}, "scale: "},
		{"reference", quantiles(1, 2), "reference.log_prob_quantiles: "},
		{"reference", quantiles(descending...), "reference.log_prob_quantiles: "},
		{"selector", "yes", "selector: "},
		{"selector", nil, "selector: "},
	} {
		folder := scratch(t)
		edit(t, folder, fault.path, fault.value)
		if reason := refused(t, folder); !strings.Contains(reason, fault.key) {
			t.Errorf("%s = %v: %s", fault.path, fault.value, reason)
		}
	}
}

func TestUnknownKeysArePassedOver(t *testing.T) {
	folder := scratch(t)
	edit(t, folder, "later", map[string]any{"a": []int{1}})
	edit(t, folder, "levels", 17)
	edit(t, folder, "Name", 5)
	if _, err := OpenBundle(folder); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotJSONIsRefusedWhateverItIs(t *testing.T) {
	folder := scratch(t)
	file := filepath.Join(folder, "flow.json")
	for _, text := range []string{
		"", "{", "null", "[]", "NaN", "\ufeff{}", "{} {}", "\xff\xfe", `{"format": 1e999}`, strings.Repeat("[", 100_000),
	} {
		write(t, file, []byte(text))
		refused(t, folder)
	}
	write(t, file, make([]byte, 4<<20+1))
	if reason := refused(t, folder); !strings.Contains(reason, "at most") {
		t.Error(reason)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if reason := refused(t, folder); !strings.Contains(reason, "cannot be read") {
		t.Error(reason)
	}
}

func TestEveryListedFileIsHeldToItsHash(t *testing.T) {
	for _, name := range []string{"log_prob.onnx", "sample.onnx", "golden/x.npy"} {
		folder := scratch(t)
		file := filepath.Join(folder, name)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		data[100] ^= 1
		write(t, file, data)
		if reason := refused(t, folder); !strings.Contains(reason, "files: hash differs") {
			t.Error(reason)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if reason := refused(t, folder); !strings.Contains(reason, "files: cannot be read") {
			t.Error(reason)
		}
		if err := os.Mkdir(file, 0o755); err != nil {
			t.Fatal(err)
		}
		if reason := refused(t, folder); !strings.Contains(reason, "files: is not a file") {
			t.Error(reason)
		}
	}
}

func TestALinkMayLeadWithinTheFolderAndNotOutOfIt(t *testing.T) {
	folder, outside := scratch(t), scratch(t)
	file := filepath.Join(folder, "sample.onnx")
	for _, step := range []error{
		os.Rename(file, filepath.Join(folder, "elsewhere")),
		os.Symlink("elsewhere", file),
	} {
		if step != nil {
			t.Skip(step)
		}
	}
	if _, err := OpenBundle(folder); err != nil {
		t.Error(err)
	}
	for _, target := range []string{filepath.Join(outside, "sample.onnx"), "../../002/bundle/sample.onnx"} {
		if err := errors.Join(os.Remove(file), os.Symlink(target, file)); err != nil {
			t.Fatal(err)
		}
		if reason := refused(t, folder); !strings.Contains(reason, "escapes") {
			t.Error(reason)
		}
	}
}
