#!/usr/bin/env bash
# Builds the program where needed, and keeps the contract with it: golden, score, sample, bench. See ../README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/build.sh"
(cd "$here" && build)
set_java "$here"
exec "$here/../drive.sh" "${java[@]}" flowbundle.program.Main -- "$@"
