#!/usr/bin/env bash
# snippet.sh FILE BUNDLE: builds FILE as the program of an application of its own, which depends on this library by
# its path, and runs it with BUNDLE as its argument.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
[ $# -eq 2 ] || {
    echo "usage: snippet.sh FILE BUNDLE" >&2
    exit 2
}
application="$(mktemp -d)"
trap 'rm -rf "$application"' EXIT

mkdir "$application/src"
cp "$1" "$application/src/main.rs"
cp "$here/Cargo.lock" "$application" # the versions of this library, and nothing to look up
cat >"$application/Cargo.toml" <<END
[package]
name = "application"
edition = "2024"

[dependencies]
flowbundle = { path = "$here" }
END
mkdir -p "$here/target"
exec 9>"$here/target/snippet.lock" # another's program would take the place of this one
flock 9
cargo build --quiet --release --manifest-path "$application/Cargo.toml" --target-dir "$here/target" >&2
if [ -z "${ORT_DYLIB_PATH:-}" ]; then
    ORT_DYLIB_PATH="$("$here/../onnxruntime.sh" library)"
    export ORT_DYLIB_PATH
fi
"$here/target/release/application" "$2"
