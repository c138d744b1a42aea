#!/usr/bin/env bash
# snippet.sh FILE BUNDLE: builds FILE as the program of an application of its own, which requires this module by its
# path, and runs it with BUNDLE as its argument.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
[ $# -eq 2 ] || {
    echo "usage: snippet.sh FILE BUNDLE" >&2
    exit 2
}
application="$(mktemp -d)"
trap 'rm -rf "$application"' EXIT

cp "$1" "$application/main.go"
cp "$here/go.sum" "$application"
cat >"$application/go.mod" <<END
module application

go 1.24

require flowbundle v0.0.0

replace flowbundle => $here

$(grep '^require' "$here/go.mod")
END
go build -C "$application" -o application . >&2
if [ -z "${ORT_DYLIB_PATH:-}" ]; then
    ORT_DYLIB_PATH="$("$here/../onnxruntime.sh" library)"
    export ORT_DYLIB_PATH
fi
"$application/application" "$2"
