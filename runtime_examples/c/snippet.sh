#!/usr/bin/env bash
# snippet.sh FILE BUNDLE: compiles a C file against the library, and runs it on a bundle.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"$here/build.sh" program
. "$here/runtime.sh"
program="$(mktemp)"
trap 'rm -f "$program"' EXIT
cc -std=c11 -Wall -Wextra -Werror -I "$here/flow" -o "$program" -x c "$1" -x none "$here/build/libflow.a" \
    -lcjson -lcrypto -ldl -lm
"$program" "$2"
