package flowbundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
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
	document any
}

// OpenBundle opens a bundle and holds every listed file to its hash. A [BundleError] names the file and the key
// that is at fault.
func OpenBundle(folder string) (*Bundle, error) {
	b := &Bundle{Folder: folder}
	data, err := b.readFile("flow.json", manifestBytes)
	if err != nil {
		return nil, b.Fault("flow.json", err)
	}
	if b.document, err = parseJSON(data); err != nil {
		return nil, b.Fault("flow.json", err)
	}
	root := b.Document()
	// First, since every other key may mean something else in another format.
	if root.At("format").Only(Format); root.Fault() == nil {
		b.Manifest = readManifest(root)
	}
	if root.Fault() != nil {
		return nil, b.Fault("flow.json", root.Fault())
	}
	for _, name := range slices.Sorted(maps.Keys(b.Manifest.Files)) {
		if _, err := b.Read(name); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Document is the whole of flow.json, for those who read more of it than [Manifest] has.
func (b *Bundle) Document() Key { return Key{new(error), "", b.document} }

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
		return nil, unreadable(err)
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err != nil {
		return nil, unreadable(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a file")
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("is larger than %d bytes", limit)
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, unreadable(err)
	}
	defer file.Close()
	// A file that grows meanwhile is cut here, and then no longer what was promised.
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(file, data); err != nil {
		return nil, unreadable(err)
	}
	return data, nil
}

// unreadable keeps what the system said, without the path, which the message has anyway.
func unreadable(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("cannot be read (%w)", err)
}

// Fault is a [BundleError] about a file.
func (b *Bundle) Fault(name string, err error) error {
	return &BundleError{filepath.Join(b.Folder, filepath.FromSlash(name)), err.Error()}
}
