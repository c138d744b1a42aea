#!/usr/bin/env bash
# Formatter, all of javac's and Error Prone's warnings as errors, and the unit tests, that of memory among them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./build.sh
build
mkdir -p target/tmp
mvn -B -ntp -Dstyle.color=never -Pcheck test
rmdir target/tmp/onnxruntime-java* 2>/dev/null || true
