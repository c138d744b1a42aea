"""A bundle as WebAssembly: one file that a page can embed, in a folder that npm takes."""

from .module import wasm_files

__all__ = ["wasm_files"]
