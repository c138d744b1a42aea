# shellcheck shell=bash
# Sourced by the scripts of this folder, which have set here, the folder: exports ORT_DYLIB_PATH.
# The choice is remembered in build/, so that it is announced once and not with every call.
# shellcheck disable=SC2154 # here
if [ -z "${ORT_DYLIB_PATH:-}" ]; then
    ORT_DYLIB_PATH="$(cat "$here/build/onnxruntime" 2>/dev/null || true)"
    if [ ! -f "$ORT_DYLIB_PATH" ]; then
        ORT_DYLIB_PATH="$(ORT_DYLIB_PATH='' "$here/../onnxruntime.sh" library)"
        echo "$ORT_DYLIB_PATH" >"$here/build/onnxruntime"
    fi
fi
export ORT_DYLIB_PATH
