#!/usr/bin/env bash
# Runs the program: see ../README.md. The page is assembled where it was not, or where its sources have changed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$here/prepare.sh"
exec node "$here/program/run.js" "$@"
