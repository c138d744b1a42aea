package flowbundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"unicode/utf8"
)

const (
	// A larger flow.json is refused before it is parsed.
	manifestBytes = 4 << 20
	// The limit of one protobuf message, and so of every file of a bundle.
	fileBytes = math.MaxInt32
)

// A Bundle is a folder whose flow.json and files have been checked.
type Bundle struct {
	// Folder is as it was given.
	Folder   string
	Manifest *Manifest
	document []byte
}

// OpenBundle opens a bundle and holds every listed file to its hash. A [BundleError] names the file and the key
// that is at fault.
func OpenBundle(folder string) (*Bundle, error) { return openBundle(folder, "") }

func openBundle(folder, digest string) (*Bundle, error) {
	b := &Bundle{Folder: folder, Manifest: new(Manifest)}
	var err error
	if b.document, err = b.readFile("flow.json", manifestBytes); err != nil {
		return nil, b.Fault("flow.json", err)
	}
	if sum := sha256.Sum256(b.document); digest != "" && digest != hex.EncodeToString(sum[:]) {
		return nil, b.Fault("flow.json", fmt.Errorf("digest: expected %.12s…, found %.12s…", digest, hex.EncodeToString(sum[:])))
	}
	if bytes.HasPrefix(b.document, []byte("\ufeff")) {
		return nil, b.Fault("flow.json", errors.New("begins with a byte order mark"))
	}
	if bytes.HasPrefix(b.document, []byte("version https://git-lfs.github.com/spec/")) {
		return nil, b.Fault("flow.json", errors.New("is a pointer of Git LFS, and not the file itself"))
	}
	if !utf8.Valid(b.document) || !json.Valid(b.document) {
		return nil, b.Fault("flow.json", errors.New("is not JSON"))
	}
	if err := oneReading(b.document); err != nil {
		return nil, b.Fault("flow.json", err)
	}
	if err := b.Decode(b.Manifest); err != nil {
		return nil, err
	}
	if err := b.Manifest.check(); err != nil {
		return nil, b.Fault("flow.json", err)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Manifest.Files)) {
		if _, err := b.Read(name); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Decode stores flow.json in a struct, for those who read more of it than [Manifest] has. Every key of the struct must
// be there, with its type, but for those that are tagged as in `key:"levels,optional"`, or nullable.
func (b *Bundle) Decode(into any) error {
	if err := decode(b.document, reflect.ValueOf(into).Elem(), ""); err != nil {
		return b.Fault("flow.json", err)
	}
	return nil
}

// Read gives a listed file, whole. The bytes are hashed anew: those returned are those that were promised.
func (b *Bundle) Read(name string) ([]byte, error) {
	expected, found := b.Manifest.Files[name]
	if !found {
		return nil, b.Fault(name, errors.New("files: is not listed"))
	}
	data, err := b.readFile(name, fileBytes)
	if err != nil {
		return nil, b.Fault(name, fmt.Errorf("files: %w", err))
	}
	sum := sha256.Sum256(data)
	if digest := hex.EncodeToString(sum[:]); digest != expected {
		return nil, b.Fault(name, fmt.Errorf("files: hash differs (expected %.12s…, found %.12s…)", expected, digest))
	}
	return data, nil
}

// readFile gives the bytes of a file, not of a folder or a pipe, that no link leads out of the bundle's folder to.
func (b *Bundle) readFile(name string, limit int64) ([]byte, error) {
	root, err := os.OpenRoot(b.Folder)
	if err != nil {
		return nil, fmt.Errorf("cannot be read (%w)", err)
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > limit) {
		return nil, fmt.Errorf("is not a file of at most %d bytes", limit)
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot be read (%w)", err)
	}
	defer file.Close()
	// A file that grows meanwhile is cut here, and then no longer what was promised.
	data, err := io.ReadAll(io.LimitReader(file, limit))
	if err != nil {
		return nil, fmt.Errorf("cannot be read (%w)", err)
	}
	return data, nil
}

// Fault is a [BundleError] about a file.
func (b *Bundle) Fault(name string, err error) error {
	return &BundleError{filepath.Join(b.Folder, filepath.FromSlash(name)), err.Error()}
}
