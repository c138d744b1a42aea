#!/usr/bin/env bash
# Assembles site/: the page, its modules, ONNX Runtime, two fonts and the zoo. It needs nothing else to be served.
# The folders in it are those of the tree, so that a module's imports are the same in both.
set -euo pipefail
shopt -s nullglob
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
examples=$(dirname "$here")
models=$(dirname "$examples")/models

exec 9>"$here/.lock"
flock 9
cd "$here"

if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then
  # No package's own install script is needed.
  npm ci --ignore-scripts --silent --no-audit --no-fund >&2
  touch node_modules/.package-lock.json
fi

sources=(prepare.sh licenses page src "$examples/node/src" node_modules/.package-lock.json)
for bundle in "$models"/*/bundle; do
  sources+=("$bundle")
done
if [[ -f site/zoo/index.json && -z $(find "${sources[@]}" -newer site/zoo/index.json -print -quit) ]]; then
  exit 0
fi

rm -rf site.new
mkdir -p site.new/{fonts,node,zoo} site.new/web/node_modules/{fflate/esm,onnxruntime-web/dist}
cp page/* site.new/
cp -r src site.new/web/src
cp -r "$examples/node/src" site.new/node/src
cp node_modules/fflate/esm/browser.js site.new/web/node_modules/fflate/esm/
cp node_modules/fflate/LICENSE site.new/web/node_modules/fflate/
ort=node_modules/onnxruntime-web/dist
cp $ort/ort.{wasm,webgpu}.min.mjs $ort/ort-wasm-simd-threaded{,.asyncify}.{mjs,wasm} site.new/web/$ort/
cp licenses/onnxruntime-web.LICENSE site.new/web/node_modules/onnxruntime-web/LICENSE
for font in source-sans-3 source-serif-4; do
  cp "node_modules/@fontsource-variable/$font/files/$font-latin-wght-normal.woff2" "site.new/fonts/$font.woff2"
  cp "node_modules/@fontsource-variable/$font/LICENSE" "site.new/fonts/$font.LICENSE"
done

names=()
for bundle in "$models"/*/bundle; do
  name=$(basename "$(dirname "$bundle")")
  cp -r "$bundle" "site.new/zoo/$name"
  names+=("\"$name\"")
done
(IFS=, && echo "[${names[*]}]") >site.new/zoo/index.json

rm -rf site.old
[[ ! -e site ]] || mv site site.old
mv site.new site
rm -rf site.old
