#!/usr/bin/env bash
# What a user may have: a reduced set of the tests under each Python, with the oldest and the newest libraries supported.
#
#   tests/versions.sh [PYTHON:RESOLUTION:RUNTIME …]   for example 3.11:lowest-direct:cpu, or 3.13:highest:gpu
#
# The last kind has the ONNX Runtime that is built for CUDA, whose refusals on a machine without a GPU are its own.
# Environments are made in .venv-versions/, and removed when their tests have passed. uv of .venv installs them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/interpreter.sh

uv=.venv/bin/uv
rooms=(tests/bundle tests/runtime tests/tables tests/flows/test_battery.py tests/training/test_recipe.py
    tests/training/test_checkpoint.py tests/export/test_export.py tests/export/test_graphs.py)
kinds=("$@")
[ ${#kinds[@]} -gt 0 ] || kinds=(3.11:lowest-direct:cpu 3.12:highest:cpu 3.13:highest:gpu)

for kind in "${kinds[@]}"; do
    IFS=: read -r version resolution runtime <<<"$kind"
    if ! python="$(interpreter "$version")"; then
        missing "$version"
        continue
    fi
    venv=".venv-versions/$version-$resolution-$runtime"
    "$python" -m venv --clear "$venv"
    overrides=()
    [ "$runtime" = gpu ] || overrides=(--overrides requirements/cpu.txt)
    "$uv" pip install --quiet --python "$venv/bin/python" --resolution "$resolution" "${overrides[@]}" \
        --editable ".[$runtime,train]"
    # What the tests import beside, without another version of what is there.
    "$uv" pip freeze --exclude-editable --python "$venv/bin/python" >"$venv/installed" 2>/dev/null
    "$uv" pip install --quiet --python "$venv/bin/python" --constraints "$venv/installed" \
        'pytest>=8' 'pytest-xdist>=3.6' duckdb pandas polars scikit-learn scipy ./native
    echo "Python $version, $resolution:" \
        "$("$uv" pip list --python "$venv/bin/python" 2>/dev/null | awk '/^(numpy|onnx|onnxruntime|onnxruntime-gpu|torch) /{ printf "%s %s, ", $1, $2 }')"
    OMP_NUM_THREADS=1 "$venv/bin/python" -m pytest -q --numprocesses 2 --dist worksteal -r fE \
        -m "not slow and not thorough" "${rooms[@]}"
    rm -rf "$venv"
done
