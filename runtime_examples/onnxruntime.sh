#!/usr/bin/env bash
# Finds the ONNX Runtime that the programs of this folder run on, or fetches it from the npm registry.
#
#   onnxruntime.sh library   prints the path of a shared library
#   onnxruntime.sh headers   prints the folder that holds onnxruntime_c_api.h and the C++ headers
#
# What it took goes to standard error. Exit status: 0 found, 2 not.
# ORT_DYLIB_PATH and ORT_INCLUDE_DIR, where set, are the answer.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

# The only package of a registry that brings both headers and library; made of the official builds.
package=com.github.asus4.onnxruntime
version=0.4.9
sha256=e59788788818fdde1b2e522e766a21ba0f7d8391de55737abf81e32cc801785d
runtime=1.29
fetched="$here/.onnxruntime/$version"

say() { echo "onnxruntime: $*" >&2; }
fail() {
    say "$@"
    exit 2
}

# The newest of the paths on standard input, by the version at the end of the file's name.
newest() { awk -F/ '{ print $NF "\t" $0 }' | sort -V | tail -n 1 | cut -f 2; }

# fetch WHAT VARIABLE: unpacks headers and library into $fetched, once, whoever else is doing it too.
fetch() {
    [ ! -d "$fetched" ] || return 0
    [ "$(uname -sm)" = "Linux x86_64" ] || fail "no $1 for $(uname -sm) in the npm package: set $2"
    command -v npm >/dev/null || fail "no $1 found, and no npm to fetch one: install npm or set $2"
    local cache scratch archive
    cache="$(dirname "$fetched")"
    mkdir -p "$cache"
    echo '*' >"$cache/.gitignore"
    exec 9>"$cache/lock"
    flock 9
    [ ! -d "$fetched" ] || return 0

    say "fetching $package $version from the npm registry (150 MB)"
    scratch="$(mktemp -d "$cache/unpack.XXXXXX")"
    # shellcheck disable=SC2064 # the folder of now is meant: the variable is gone at the exit
    trap "rm -rf '$scratch'" EXIT
    npm pack --loglevel=error --pack-destination "$scratch" "$package@$version" >/dev/null ||
        fail "npm could not fetch $package $version: set $2"
    archive="$scratch/$package-$version.tgz"
    echo "$sha256  $archive" | sha256sum --check --status ||
        fail "$package $version is not the archive that was checked (SHA-256): set $2"
    local headers='package/Plugins/iOS~/onnxruntime.xcframework/ios-arm64/onnxruntime.framework/Headers'
    tar -xzf "$archive" --no-same-owner -C "$scratch" "$headers" package/Plugins/Linux/x64/libonnxruntime.so \
        package/LICENSE package/ThirdPartyNotices.txt
    mkdir "$scratch/ready"
    mv "$scratch/$headers" "$scratch/ready/include"
    mv "$scratch"/package/Plugins/Linux/x64/libonnxruntime.so "$scratch"/package/LICENSE \
        "$scratch"/package/ThirdPartyNotices.txt "$scratch/ready"
    mv "$scratch/ready" "$fetched"
}

library() {
    local path
    if [ -n "${ORT_DYLIB_PATH:-}" ]; then
        [ -f "$ORT_DYLIB_PATH" ] || fail "ORT_DYLIB_PATH: $ORT_DYLIB_PATH: no such file"
        say "$ORT_DYLIB_PATH, of ORT_DYLIB_PATH"
        echo "$ORT_DYLIB_PATH"
        return
    fi
    path="$(compgen -G "$here/../.venv/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.*" | newest)" || true
    if [ -n "$path" ]; then
        path="$(realpath "$path")"
        say "$path, version ${path##*.so.}, of the wheel in .venv"
        echo "$path"
        return
    fi
    path="$({ PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null || true; } |
        awk '$1 ~ /^libonnxruntime\.so/ { print $NF }' | newest)"
    if [ -n "$path" ]; then
        path="$(realpath "$path")"
        say "$path, of the system"
        echo "$path"
        return
    fi
    fetch library ORT_DYLIB_PATH
    say "$fetched/libonnxruntime.so, version $runtime, of $package $version"
    echo "$fetched/libonnxruntime.so"
}

headers() {
    local folder="${ORT_INCLUDE_DIR:-}" origin="of ORT_INCLUDE_DIR"
    if [ -n "$folder" ]; then
        [ -f "$folder/onnxruntime_c_api.h" ] || fail "ORT_INCLUDE_DIR: $folder holds no onnxruntime_c_api.h"
    else
        fetch headers ORT_INCLUDE_DIR
        folder="$fetched/include"
        origin="of $package $version"
    fi
    say "$folder, API $(awk '$2 == "ORT_API_VERSION" { print $3; exit }' "$folder/onnxruntime_c_api.h"), $origin"
    echo "$folder"
}

case "$*" in
library | headers) "$1" ;;
*) fail "usage: onnxruntime.sh library|headers" ;;
esac
