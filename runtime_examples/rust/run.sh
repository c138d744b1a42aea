#!/usr/bin/env bash
# Builds the program where needed, and keeps the contract with it: golden, score, sample, bench. See ../README.md.
#
# FLOW_BACKEND=tract takes tract in place of ONNX Runtime: no library to find, and minutes to build the first time.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
fail() {
    echo "flow: $*" >&2
    exit 2
}

command -v cargo >/dev/null || fail "no cargo: install Rust 1.92 or later"
case "${FLOW_BACKEND:-onnxruntime}" in
onnxruntime) build=(--target-dir "$here/target") ;;
tract) build=(--target-dir "$here/target/tract" --no-default-features --features tract) ;;
*) fail "FLOW_BACKEND: expected onnxruntime or tract, got $FLOW_BACKEND" ;;
esac
# cargo locks its folder, so that two of these may start at once.
cargo build --quiet --locked --release --manifest-path "$here/Cargo.toml" --bin flow "${build[@]}" >&2 ||
    fail "$here: cannot be built"

if [ "${FLOW_BACKEND:-onnxruntime}" = onnxruntime ] && [ -z "${ORT_DYLIB_PATH:-}" ]; then
    ORT_DYLIB_PATH="$("$here/../onnxruntime.sh" library)"
    export ORT_DYLIB_PATH
fi
exec "$here/../drive.sh" "${build[1]}/release/flow" -- "$@"
