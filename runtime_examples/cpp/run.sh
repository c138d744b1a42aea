#!/usr/bin/env bash
# Builds the program where needed, and keeps the contract with it: golden, score, sample, bench. See ../README.md.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"$here/build.sh"
. "$here/runtime.sh"
exec "$here/../drive.sh" "$here/build/flow" -- "$@"
