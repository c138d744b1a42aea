#!/usr/bin/env bash
# The formatter, the linter, the documentation and the tests of this folder, memory among them.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
if [ -z "${ORT_DYLIB_PATH:-}" ]; then
    ORT_DYLIB_PATH="$(../onnxruntime.sh library)"
    export ORT_DYLIB_PATH
fi
cargo fmt --check
cargo clippy --quiet --locked --release --all-targets -- --deny warnings
RUSTDOCFLAGS="--deny warnings" cargo doc --quiet --locked --release --no-deps
cargo test --quiet --locked --release
