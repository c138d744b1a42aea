"""What the programs need of the machine, how it is found, and what brings it."""

from __future__ import annotations

__all__ = ["SYSTEM", "TOOLCHAINS", "missing", "require"]

import os
import shutil
import subprocess
from collections.abc import Iterable

import pytest

SYSTEM = {
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "arm-linux-gnueabihf-gcc": "gcc-arm-linux-gnueabihf",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "arm-none-eabi-size": "binutils-arm-none-eabi",
    "c++": "g++",
    "cc": "gcc",
    "chromium": "chromium",
    "clang": "clang",
    "cjson/cJSON.h": "libcjson-dev",
    "clang-format": "clang-format",
    "cmake": "cmake",
    "cmocka.h": "libcmocka-dev",
    "cppcheck": "cppcheck",
    "gtest/gtest.h": "libgtest-dev",
    "make": "make",
    "ninja": "ninja-build",
    "nlohmann/json.hpp": "nlohmann-json3-dev",
    "openssl/evp.h": "libssl-dev",
    "qemu-aarch64": "qemu-user",
    "qemu-arm": "qemu-user",
    "qemu-riscv64": "qemu-user",
    "qemu-system-arm": "qemu-system-arm",
    "riscv64-linux-gnu-gcc": "gcc-riscv64-linux-gnu",
    "wasm-ld": "lld",
}
"""An executable or a header → the package that ``make setup-system`` installs for it."""

TOOLCHAINS = {
    "cargo": "Rust 1.92 or later",
    "go": "Go 1.24 or later",
    "java": "a JDK, 17 or later",
    "mvn": "Maven 3.8 or later",
    "node": "Node.js 20 or later",
    "npm": "npm 9 or later",
}
"""An executable → what to install for it; what a distribution has is often too old, so that no command of ours does."""


def missing(needs: Iterable[str]) -> list[str]:
    """Those of the executables and headers that this machine has not."""
    return [need for need in needs if not (_has_header(need) if _is_header(need) else shutil.which(need))]


def require(name: str, needs: Iterable[str]) -> None:
    """Skips the test where something is missing, or fails it where FLOWEXPORT_REQUIRE_ALL is 1, in the same line."""
    absent = missing(needs)
    if not absent:
        return
    cures = ["make setup-system"] if SYSTEM.keys() & absent else []
    cures += [f"install {TOOLCHAINS[need]}" for need in absent if need in TOOLCHAINS]
    reason = f"{name} needs {', '.join(absent)}, which this machine has not: {'; '.join(cures)}"
    if os.environ.get("FLOWEXPORT_REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _is_header(need: str) -> bool:
    return need.endswith((".h", ".hpp"))


def _has_header(name: str) -> bool:
    """Whether the compiler finds a header; a compiler that is not there finds none."""
    compiler = "c++" if name.endswith(".hpp") or name.startswith("gtest/") else "cc"
    if shutil.which(compiler) is None:
        return False
    source = f"#if !__has_include(<{name}>)\n#error\n#endif\n"
    words = [compiler, "-E", "-x", "c", "-"]
    return subprocess.run(words, input=source.encode(), capture_output=True).returncode == 0
