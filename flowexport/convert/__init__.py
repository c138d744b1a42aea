"""A bundle as other things than a bundle: C for devices, and WebAssembly. Each has the golden cases as a test."""

from .c import c_files
from .precision import Precision, precision_of
from .wasm import wasm_files

__all__ = ["Precision", "c_files", "precision_of", "wasm_files"]
