#!/usr/bin/env bash
# build.sh [--tests] [FOLDER OPTION…]: makes the program, or the tests too, in FOLDER (build) with options of cmake.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
targets=(program)
if [ "${1:-}" = --tests ]; then
    targets+=(tests)
    shift
fi
folder="$here/${1:-build}"
cache="$folder/CMakeCache.txt"

mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9 # several programs may ask at once

# configure OPTION…: says what is missing, or makes the build files.
configure() {
    local missing=()
    has() { c++ -E -include "$1" -x c++ /dev/null >/dev/null 2>&1; }
    command -v cmake >/dev/null || missing+=(cmake)
    command -v ninja >/dev/null || missing+=(ninja-build)
    command -v c++ >/dev/null || missing+=(g++)
    has nlohmann/json.hpp || missing+=(nlohmann-json3-dev)
    has openssl/evp.h || missing+=(libssl-dev)
    [ ${#targets[@]} -eq 1 ] || has gtest/gtest.h || missing+=(libgtest-dev)
    if [ ${#missing[@]} -gt 0 ]; then
        echo "flow: packages are missing: apt-get install -y --no-install-recommends ${missing[*]}" >&2
        exit 2
    fi
    local headers
    headers="$("$here/../onnxruntime.sh" headers)"
    quietly cmake -G Ninja -S "$here" -B "$folder" -DORT_INCLUDE_DIR="$headers" -DCMAKE_BUILD_TYPE=RelWithDebInfo "$@"
}

# Runs a command that is of interest only where it fails.
quietly() {
    local output
    output="$("$@" 2>&1)" || {
        echo "$output" >&2
        exit 2
    }
}

headers="$(sed -n 's/^ORT_INCLUDE_DIR:PATH=//p' "$cache" 2>/dev/null || true)"
if [ ${#targets[@]} -gt 1 ] || [ ! -f "$headers/onnxruntime_cxx_api.h" ]; then
    configure "${@:2}"
fi
quietly cmake --build "$folder" --target "${targets[@]}"
