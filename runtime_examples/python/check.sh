#!/usr/bin/env bash
# Formatting, lint, types and unit tests.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/environment.sh"
find_python numpy onnxruntime mypy pytest ruff
cd "$here"
"$python" -m ruff format --check .
"$python" -m ruff check .
"$python" -m mypy
"$python" -m pytest --quiet
