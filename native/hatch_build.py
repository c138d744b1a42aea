"""Compiles the kernel with the C compiler that is there: once for each instruction set, then the module."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from numpy import get_include

FLAGS = ("-std=c11", "-O3", "-ffp-contract=fast", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-psabi")

X86_LEVELS = {
    "v1": ("-march=x86-64",),
    "v3": ("-march=x86-64-v3",),
    "v4": ("-march=x86-64-v4", "-mprefer-vector-width=512"),
}
LANES = {"v1": 4, "v3": 8, "v4": 16}

SHARED = ("check.c", "kernel.c", "levels.c", "noise.c", "calls.c", "runner.c", "module.c")


def forms(level: str) -> list[tuple[str, str, dict[str, str | int]]]:
    """What is compiled for an instruction set: source, object, and what is defined."""
    lanes = LANES[level]
    # A large tile is two vectors of numbers, or one of AVX-512; a small one is half of it.
    large = {"LANES": lanes, "VECTORS": 1 if lanes == 16 else 2}
    small = {"LANES": min(lanes, 8), "VECTORS": 1}
    return [
        ("row.c", f"row_{level}", {"LANES": lanes, "LEVEL": level}),
        ("tile.c", f"tile_{level}_small", small | {"LEVEL": f"{level}_small"}),
        ("tile.c", f"tile_{level}_large", large | {"LEVEL": f"{level}_large"}),
    ]


def build(kernel: Path, module: Path) -> None:
    """Compiles the sources into a module."""
    compiler = os.environ.get("CC", "cc").split()
    position = () if sys.platform == "win32" else ("-fPIC",)
    extra = os.environ.get("CFLAGS", "").split()
    levels = X86_LEVELS if platform.machine() in ("x86_64", "AMD64") else {"v1": ()}
    with tempfile.TemporaryDirectory() as folder:
        objects = []

        def compile_one(source: str, name: str, *flags: str) -> None:
            objects.append(f"{folder}/{name}.o")
            command = [*compiler, *FLAGS, *position, *extra, *flags, "-c", source, "-o", objects[-1]]
            subprocess.run(command, check=True, cwd=kernel)

        for level, flags in levels.items():
            for source, name, defined in forms(level):
                compile_one(source, name, *flags, *(f"-D{key}={value}" for key, value in defined.items()))
        for source in SHARED:
            compile_one(source, source, *(f"-I{folder}" for folder in (sysconfig.get_path("include"), get_include())))
        subprocess.run([*compiler, *linking(), *extra, *objects, "-o", str(module)], check=True)


def linking() -> tuple[str, ...]:
    """How a module is linked on this platform."""
    if sys.platform == "darwin":
        return "-bundle", "-undefined", "dynamic_lookup"
    if sys.platform == "win32":
        return "-shared", f"-L{Path(sys.base_prefix, 'libs')}", "-lpython3"
    return "-shared", "-s", "-lm"


class KernelHook(BuildHookInterface):
    """Puts the compiled module into the wheel, which serves every Python from 3.11 on."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        name = "_kernel.pyd" if sys.platform == "win32" else "_kernel.abi3.so"
        module = Path(self.root, "build", name)
        module.parent.mkdir(exist_ok=True)
        build(Path(self.root, "kernel"), module)
        build_data["force_include"][str(module)] = f"flowexport_native/{name}"
        build_data["pure_python"] = False
        tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"cp311-abi3-{tag}"
