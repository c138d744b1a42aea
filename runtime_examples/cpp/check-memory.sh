#!/usr/bin/env bash
# The tests and the program under AddressSanitizer (leaks included) and UBSan: on good bundles and on the ways to fail.
# Nothing is suppressed: ONNX Runtime leaves nothing behind once its sessions and environment are released.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$here"
./build.sh --tests build/sanitized -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_CXX_FLAGS="-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
. ./runtime.sh

example=./build/sanitized/flow
flow() { ../drive.sh "$example" -- "$@"; } # the contract, with the example under it
bundle=tests/gaussian
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
# Into files, since who drives the example may take its end for another refusal.
export ASAN_OPTIONS=detect_leaks=1:exitcode=99:log_path="$scratch/fault"
export UBSAN_OPTIONS=print_stacktrace=1:log_path="$scratch/fault"

# expect STATUS COMMAND…: what it prints is of interest only where the status is another.
expect() {
    local expected="$1" status=0
    shift
    "$@" >"$scratch/out" 2>&1 || status=$?
    if [ "$status" -ne "$expected" ] || compgen -G "$scratch/fault*" >/dev/null; then
        cat "$scratch/out" "$scratch"/fault* 2>/dev/null || true
        echo "failed: exit status $status, expected $expected: $*"
        exit 1
    fi
}
score() { flow score "$1" <"$2"; }
plainly() { "$example" score "$1" <"$2"; }

expect 0 ./build/sanitized/tests

for each in "$bundle" tests/image ../../models/*/bundle; do
    [ -d "$each" ] || continue
    expect 0 flow golden "$each"
    # A context of our own bundle is known here; of those of the zoo, the ones without any are sampled.
    [ "$each" = "$bundle" ] || grep -q '"context_size": 0' "$each/flow.json" || continue
    context=()
    [ "$each" != "$bundle" ] || context=(--context 'good,-0.5')
    expect 0 flow sample "$each" 3000 9223372036854775813 0.7 "${context[@]}"
    grep -v '^onnxruntime' "$scratch/out" >"$scratch/rows.csv"
    if [ "$each" = "$bundle" ]; then
        sed -i '1s/$/,cut,angle/; 2,$s/$/,ideal,0.25/' "$scratch/rows.csv"
    fi
    expect 0 score "$each" "$scratch/rows.csv"
done

expect 2 flow golden nowhere
expect 2 flow sample "$bundle" 3 0
expect 2 flow sample "$bundle" 3 0 --context bad,1
expect 2 flow sample "$bundle" 18446744073709551615 0 --context good,1
expect 0 "$example" sample ../../models/banana/bundle 3000 0
expect 2 "$example"
expect 2 "$example" sample "$bundle" 3 0
expect 2 "$example" sample nowhere 3 0
for rows in '' 'x0,x1,cut\n' 'x0,x1,cut,angle\n1,2,good\n' 'x0,x1,cut,angle\n1,two,good,1\n' \
    'x0,x1,cut,angle\n1,2,bad,1\n' 'x0,x1,cut,"angle\n'; do
    printf %b "$rows" >"$scratch/rows.csv"
    expect 2 plainly "$bundle" "$scratch/rows.csv"
done
printf 'cut,x0,angle,x1\ngood,1,2,3\nfair,4,5,6\n' >"$scratch/rows.csv"
expect 0 plainly "$bundle" "$scratch/rows.csv"

# break_bundle COMMAND…: golden must refuse what the command makes of a copy of the bundle.
break_bundle() {
    rm -rf "$scratch/bundle"
    cp -r "$bundle" "$scratch/bundle"
    (cd "$scratch/bundle" && "$@")
    expect 2 flow golden "$scratch/bundle"
}
break_bundle rm flow.json
break_bundle rm sample.onnx
break_bundle rm golden/z.npy
break_bundle truncate --size=1000 flow.json
break_bundle truncate --size=100 log_prob.onnx
break_bundle sed -i 's,flowexport/1,flowexport/2,' flow.json
break_bundle sed -i 's,"golden/z.npy": ,"../z.npy": ,' flow.json
break_bundle ln -sf /etc/passwd golden/z.npy
break_bundle sh -c 'rm sample.onnx; mkfifo sample.onnx'
# An ONNX file that is none, and .npy files that are none, with the hashes that they have.
rehash() {
    local hash
    hash="$(sha256sum "$1" | cut -c 1-64)"
    sed -i -E "s,(\"$1\": \")[0-9a-f]{64},\1$hash," flow.json
}
cut_file() { truncate --size="$2" "$1" && rehash "$1"; }
break_bundle cut_file sample.onnx 50
ORT_DYLIB_PATH=/nowhere expect 2 flow golden "$bundle"
echo "no leak and no fault"
