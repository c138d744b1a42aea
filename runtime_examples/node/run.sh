#!/usr/bin/env bash
# Installs what is needed, and keeps the contract with the program: golden, score, sample, bench. See ../README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/install.sh"
(cd "$here" && install)
exec "$here/../drive.sh" node "$here/program/main.js" -- "$@"
