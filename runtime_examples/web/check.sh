#!/usr/bin/env bash
# Formatter, linter, types, and the unit tests of what needs no browser.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$here/prepare.sh"
cd "$here"
npx biome check --error-on-warnings .
npx tsc
node --test test/*.test.js
