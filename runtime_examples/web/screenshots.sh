#!/usr/bin/env bash
# Writes docs/web-NAME.png, a picture of the page for every model of the zoo.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$here/prepare.sh"
exec node "$here/program/screenshots.js"
