#!/usr/bin/env bash
# Runs a Python file that embeds the library: snippet.sh FILE BUNDLE.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/environment.sh"
find_python numpy onnxruntime
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here" exec "$python" "$@"
