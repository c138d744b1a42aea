#!/usr/bin/env bash
# Builds the program where needed, and runs it. Its commands: ../README.md
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"$here/build.sh"
. "$here/runtime.sh"
exec "$here/build/flow" "$@"
