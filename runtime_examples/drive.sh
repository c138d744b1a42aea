#!/usr/bin/env bash
# drive.sh PROGRAM… -- COMMAND…: the contract of README.md, kept by driver/ with the program of a language under it.
# Without a Python (PYTHON names another than python3) the program itself answers, as far as its example goes.
set -euo pipefail
python="${PYTHON:-python3}"
if command -v "$python" >/dev/null; then
    exec "$python" -I -B "$(dirname "${BASH_SOURCE[0]}")/driver" "$@"
fi
program=()
while [ "$1" != -- ]; do
    program+=("$1")
    shift
done
shift
exec "${program[@]}" "$@"
