#!/usr/bin/env bash
# Writes docs/web-*.png, pictures of the page, and docs/web-pictures.json, the words on them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$here/prepare.sh"
exec node "$here/program/screenshots.js"
