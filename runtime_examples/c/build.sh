#!/usr/bin/env bash
# Makes what its arguments name (program, tests, SANITIZE=1; see Makefile), where it is not up to date.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

mkdir -p "$here/build"
exec 9>"$here/build/lock"
flock 9 # several programs may ask at once
if make -C "$here" --question "$@" >/dev/null 2>&1; then
    exit
fi

missing=()
has() { cc -E -include "$1" -x c /dev/null >/dev/null 2>&1; }
command -v make >/dev/null || missing+=(make)
command -v cc >/dev/null || missing+=(gcc libc6-dev)
has cjson/cJSON.h || missing+=(libcjson-dev)
has openssl/evp.h || missing+=(libssl-dev)
[[ " $* " != *" tests "* ]] || has cmocka.h || missing+=(libcmocka-dev)
if [ ${#missing[@]} -gt 0 ]; then
    echo "flow: packages are missing: apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 2
fi

ORT_INCLUDE_DIR="$("$here/../onnxruntime.sh" headers)"
export ORT_INCLUDE_DIR
make -C "$here" --silent --jobs 2 "$@"
