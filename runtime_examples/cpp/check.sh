#!/usr/bin/env bash
# Formatter, linter, warnings as errors, the library's own tests, and a project that uses it by add_subdirectory.
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

clang-format --dry-run -Werror {include/flow,src,program,tests,tests/consumer}/*.[ch]pp
# Left out: a loop where an algorithm could stand, a local name that a function has too, constructors that convert on
# purpose, and a scope that is as wide as the views of what lies in it.
cppcheck --enable=warning,style,performance,portability --std=c++17 --language=c++ --error-exitcode=1 --quiet \
    --suppress={useStlAlgorithm,shadowFunction,noExplicitConstructor,variableScope} \
    -Iinclude -Isrc include/flow src program tests
./build.sh --tests
. ./runtime.sh
(cd build && ctest --output-on-failure)

headers="$(sed -n 's/^ORT_INCLUDE_DIR:PATH=//p' build/CMakeCache.txt)"
cmake -G Ninja -S tests/consumer -B build/consumer -DORT_INCLUDE_DIR="$headers" -DCMAKE_BUILD_TYPE=Debug >/dev/null
cmake --build build/consumer
./build/consumer/consumer tests/gaussian
