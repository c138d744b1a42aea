"""Puts the page of runtime_examples/web into the sdist and the wheel, where prepare.sh has assembled it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SITE = "runtime_examples/web/site"

GPU = ("ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm")
"""The build for WebGPU, 27 MB that were never run on a GPU; without it the page takes WebAssembly."""


class PageHook(BuildHookInterface):
    """The files of the page, each by its path."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        site = Path(self.root, SITE)
        target = "flowexport/page/site" if self.target_name == "wheel" else SITE
        for path in sorted(site.rglob("*")):
            inside = path.relative_to(site)
            # The wheel has the zoo once already.
            of_zoo = inside.parts[0] == "zoo" and inside.name != "index.json"
            if path.is_file() and not of_zoo and path.name not in GPU:
                build_data["force_include"][str(path)] = f"{target}/{inside.as_posix()}"
