#!/usr/bin/env bash
# Runs a JavaScript file that embeds the library: snippet.sh FILE BUNDLE.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/install.sh"
(cd "$here" && install)
# An application beside which the package is installed.
application=$(mktemp -d)
trap 'rm -rf "$application"' EXIT
mkdir "$application/node_modules"
ln -s "$here" "$application/node_modules/flowbundle"
cp "$1" "$application/main.mjs"
node "$application/main.mjs" "${@:2}"
