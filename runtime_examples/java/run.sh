#!/usr/bin/env bash
# The program, see runtime_examples/README.md: run.sh COMMAND BUNDLE …
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/build.sh"
(cd "$here" && build)
run_java "$here" flowbundle.program.Main "$@"
