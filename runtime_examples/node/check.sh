#!/usr/bin/env bash
# Formatter, linter, types, and the unit tests, that of memory among them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./install.sh
install
npx biome ci --error-on-warnings .
npx tsc
# types/ is made of the sources by `npm run types`; it must be that of today's.
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
npx tsc -p tsconfig.types.json --outDir "$made"
diff -r types "$made"
npm test --silent
