#!/usr/bin/env bash
# Opens an HTML file that embeds the library in a headless browser, and prints its <output>: snippet.sh FILE BUNDLE.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$here/prepare.sh"
exec node "$here/program/snippet.js" "$@"
