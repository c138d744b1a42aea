#!/usr/bin/env bash
# The formatter, the linters and the tests of this folder, memory among them, with the race detector on.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
if [ -z "${ORT_DYLIB_PATH:-}" ]; then
    ORT_DYLIB_PATH="$(../onnxruntime.sh library)"
    export ORT_DYLIB_PATH
fi
unformatted="$(gofmt -l .)"
[ -z "$unformatted" ] || {
    echo "gofmt would change: $unformatted" >&2
    exit 1
}
go vet ./...
go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -checks all ./...
go mod tidy -diff
go test ./...
go test -race -run Goroutines .
