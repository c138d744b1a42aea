"""Converted models, built here, and called."""

from __future__ import annotations

__all__ = ["WARNINGS", "built", "called", "convert", "golden"]

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result

from flowexport.cli.main import main

WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Werror"]


def convert(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["convert", *map(str, words)])


def golden(folder: Path, compiler: str = "gcc", *flags: str, runner: tuple[str, ...] = ()) -> str:
    """Builds the golden test of a folder of C with every warning an error, runs it, and gives back what it said."""
    program = folder / f"golden_{compiler}"
    sources = [folder / "test" / "golden.c", *(folder / "src").glob("*.c")]
    words = [compiler, "-O2", *WARNINGS, "-std=c99", *flags, f"-I{folder / 'src'}", *sources, "-o", program]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ran = subprocess.run([*runner, str(program)], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def built(folder: Path, *flags: str) -> ctypes.CDLL:
    """The functions of a folder of C, in this process."""
    library = folder / "model.so"
    sources = map(str, (folder / "src").glob("*.c"))
    words = ["gcc", "-O2", "-std=c99", "-shared", "-fPIC", *flags, *sources, "-o", str(library)]
    subprocess.run(words, check=True)
    return ctypes.CDLL(str(library))


def called(function: Callable[..., object], *arguments: np.ndarray | int | None) -> None:
    """Calls a function of C with arrays, whole numbers of 64 bits, and NULL."""
    function(
        *(
            ctypes.c_uint64(each)
            if isinstance(each, int)
            else None
            if each is None
            else each.ctypes.data_as(ctypes.c_void_p)
            for each in arguments
        )
    )
