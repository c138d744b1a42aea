package flowbundle

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// testBundle is a model made by hand, whose answers are known exactly.
const testBundle = "testdata/bundle"

// scratch gives a copy of the tests' bundle, which may be broken.
func scratch(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "bundle")
	if err := os.CopyFS(folder, os.DirFS(testBundle)); err != nil {
		t.Fatal(err)
	}
	return folder
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

type missing struct{}

// edit sets a key of flow.json, or removes it where the value is missing. The path's names are parted by spaces.
func edit(t *testing.T, folder, path string, value any) {
	t.Helper()
	file := filepath.Join(folder, "flow.json")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var flow any
	if err := json.Unmarshal(data, &flow); err != nil {
		t.Fatal(err)
	}
	names := strings.Split(path, " ")
	parent, last := flow, names[len(names)-1]
	for _, name := range names[:len(names)-1] {
		if list, ok := parent.([]any); ok {
			index, _ := strconv.Atoi(name)
			parent = list[index]
		} else {
			parent = parent.(map[string]any)[name]
		}
	}
	switch parent := parent.(type) {
	case []any:
		index, _ := strconv.Atoi(last)
		parent[index] = value
	case map[string]any:
		parent[last] = value
		if value == (missing{}) {
			delete(parent, last)
		}
	}
	if data, err = json.Marshal(flow); err != nil {
		t.Fatal(err)
	}
	write(t, file, data)
}

// replace puts other bytes in the place of a file, under their own hash.
func replace(t *testing.T, folder, name string, data []byte) {
	t.Helper()
	write(t, filepath.Join(folder, name), data)
	sum := sha256.Sum256(data)
	edit(t, folder, "files "+name, hex.EncodeToString(sum[:]))
}
