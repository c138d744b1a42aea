#!/usr/bin/env bash
# Formatter, linter, warnings as errors, and the library's own tests.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$here" # where the tests find their bundle

missing=()
command -v clang-format >/dev/null || missing+=(clang-format)
command -v cppcheck >/dev/null || missing+=(cppcheck)
if [ ${#missing[@]} -gt 0 ]; then
    echo "flow: packages are missing: apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 2
fi

clang-format --dry-run -Werror {flow,program,tests}/*.[ch]
cppcheck --enable=warning,style,performance,portability --std=c11 --error-exitcode=1 --quiet -Iflow flow program tests
./build.sh program tests
. ./runtime.sh
./build/tests/flow
