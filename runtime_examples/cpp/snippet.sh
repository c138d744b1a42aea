#!/usr/bin/env bash
# snippet.sh FILE BUNDLE: compiles a C++ file against the library, and runs it on a bundle.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"$here/build.sh"
. "$here/runtime.sh"
program="$(mktemp)"
trap 'rm -f "$program"' EXIT
c++ -std=c++17 -Wall -Wextra -Werror -I "$here/include" -o "$program" -x c++ "$1" -x none "$here/build/libflow.a" \
    -lcrypto -ldl
"$program" "$2"
