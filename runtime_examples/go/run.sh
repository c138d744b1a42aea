#!/usr/bin/env bash
# Builds the program where needed, and keeps the contract with it: golden, score, sample, bench. See ../README.md.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
fail() {
    echo "flow: $*" >&2
    exit 2
}

command -v go >/dev/null || fail "no go: install Go 1.24 or later, and a C compiler"
mkdir -p "$here/build"
# One build at a time: another's program must not be written over while it starts.
(
    flock 9
    CGO_ENABLED=1 go build -C "$here" -o build/flow ./cmd/flow >&2
) 9>"$here/build/lock" || fail "$here: cannot be built"

if [ -z "${ORT_DYLIB_PATH:-}" ]; then
    ORT_DYLIB_PATH="$("$here/../onnxruntime.sh" library)"
    export ORT_DYLIB_PATH
fi
exec "$here/../drive.sh" "$here/build/flow" -- "$@"
