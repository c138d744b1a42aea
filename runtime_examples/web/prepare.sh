#!/usr/bin/env bash
# Assembles site/: the page, its modules, ONNX Runtime, two fonts and the zoo. It needs nothing else to be served.
# Where there are clang, lld and a Python with flowexport (PYTHON names it), models are compiled as well.
# The folders in it are those of the tree, so that a module's imports are the same in both.
set -euo pipefail
shopt -s nullglob
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
examples=$(dirname "$here")
models=$(dirname "$examples")/models
python=${PYTHON:-python3}
[[ $python != */* ]] || python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python")

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
compiles() { command -v clang && command -v wasm-ld && "$python" -c 'import flowexport.convert'; } >/dev/null 2>&1
if [[ -f site/modules/index.json && -z $(find "${sources[@]}" -newer site/modules/index.json -print -quit) ]]; then
  if [[ -f site/modules/.compiled ]] || ! compiles; then
    exit 0
  fi
fi

rm -rf site.new
mkdir -p site.new/{fonts,modules,node,zoo} site.new/web/node_modules/{fflate/esm,onnxruntime-web/dist}
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

compiled=()
if compiles; then
  for bundle in site.new/zoo/*/; do
    name=$(basename "$bundle")
    # Images are not, and say so.
    if "$python" -m flowexport convert "$bundle" --to wasm -o site.new/compiled >/dev/null; then
      mv site.new/compiled/*.wasm "site.new/modules/$name.wasm"
      compiled+=("\"$name\"")
    fi
    rm -rf site.new/compiled
  done
  touch site.new/modules/.compiled
fi
(IFS=, && echo "[${compiled[*]-}]") >site.new/modules/index.json

rm -rf site.old
[[ ! -e site ]] || mv site site.old
mv site.new site
rm -rf site.old
