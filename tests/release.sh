#!/usr/bin/env bash
# What is released: builds the sdist, and the wheel from it, into dist/, checks their metadata and sizes, and installs the
# wheel with each of its extras into a clean environment of each Python, away from the checkout, where release_smoke.py
# tries what the extra is for.
#
#   tests/release.sh [PYTHON …]   for example 3.12; all supported ones by default
#
# EXTRAS="cpu train" tries only these. Environments are made in .venv-versions/, and removed when they have passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/interpreter.sh

uv=.venv/bin/uv
tools=.venv-versions/release
pythons=("$@")
[ ${#pythons[@]} -gt 0 ] || pythons=(3.11 3.12 3.13)
# PyPI takes 100 MB a file; a wheel that more than doubles has taken something in by mistake.
most_bytes=16000000

PYTHON=.venv/bin/python runtime_examples/web/prepare.sh
$uv venv --quiet --clear "$tools"
$uv pip install --quiet --python "$tools/bin/python" --requirements pyproject.toml --extra release
rm -rf dist
PATH="$PWD/.venv/bin:$PATH" "$tools/bin/python" -m build --installer uv --outdir dist . >/dev/null
"$tools/bin/twine" check --strict dist/*
for file in dist/*; do
    bytes=$(stat --format %s "$file")
    echo "$(basename "$file"): $((bytes / 1000)) kB"
    [ "$bytes" -le "$most_bytes" ] || { echo "larger than $((most_bytes / 1000)) kB: what came in?"; exit 1; }
done

# The kernel's own wheels, for every platform, are made by .github/workflows/native.yml.
native=$PWD/.venv-versions/native
rm -rf "$native"
"$tools/bin/python" -m build --installer uv --wheel --outdir "$native" native >/dev/null

wheel=$(realpath dist/*.whl)
smoke=$(realpath tests/release_smoke.py)
# "EXTRA REQUIREMENTS", a line an extra: what it is installed with, and what it is for.
kinds=$("$tools/bin/python" "$smoke" --list "$wheel")
for version in "${pythons[@]}"; do
    if ! python="$(interpreter "$version")"; then
        missing "$version"
        continue
    fi
    while read -r extra together; do
        [[ -z "${EXTRAS:-}" || " $EXTRAS " == *" $extra "* ]] || continue
        venv=$PWD/.venv-versions/release-$version
        rm -rf "$venv"
        "$python" -m venv --without-pip "$venv"
        # A GPU is what Triton compiles for, and 1 GB.
        $uv pip install --quiet --python "$venv/bin/python" --overrides requirements/cpu.txt \
            --find-links "$native" "$wheel$together"
        echo "Python $version, flowexport$together: $(du -sm "$venv" | cut -f1) MB"
        folder=$(mktemp -d)
        (cd "$folder" && PATH="$venv/bin:$PATH" "$venv/bin/python" -P "$smoke" "$extra")
        rm -rf "$folder" "$venv"
    done <<<"$kinds"
done
