#!/usr/bin/env bash
# Runs a Java file that embeds the library: snippet.sh FILE BUNDLE.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/build.sh"
(cd "$here" && build)
set_java "$here"
exec "${java[@]}" "$@"
