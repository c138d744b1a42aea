"""A bundle as other things than a bundle, each held to its golden cases: C, WebAssembly, files of other engines."""

from .c import c_files
from .engines import openvino_files, ort_files
from .precision import Precision, precision_of
from .wasm import wasm_files

__all__ = ["Precision", "c_files", "openvino_files", "ort_files", "precision_of", "wasm_files"]
