#!/usr/bin/env bash
# Keeps the contract of all languages: golden, score, sample, bench. See ../README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/environment.sh"
find_python numpy onnxruntime
export PYTHONDONTWRITEBYTECODE=1
exec "$here/../drive.sh" "$python" "$here" -- "$@"
