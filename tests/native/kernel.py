"""The prebuilt kernel, for tests: skipped where it is not installed, unless everything is required."""

from __future__ import annotations

__all__ = ["CODES", "LEVELS", "kernel", "run_elementwise", "runner_of"]

import os
from types import ModuleType

import numpy as np
import pytest

from flowexport.native.program import Program
from flowexport.native.writer import EACH, Codes


def kernel() -> ModuleType:
    """The module; `make setup` builds it."""
    if os.environ.get("FLOWEXPORT_REQUIRE_ALL") == "1":
        import flowexport_native

        return flowexport_native
    reason = "flowexport-native is not installed: make setup builds it where there is a C compiler"
    module: ModuleType = pytest.importorskip("flowexport_native", reason=reason)
    return module


LEVELS = kernel().levels()
CODES = Codes.of(kernel().OPERATIONS, kernel().FUNCTIONS)


def runner_of(program: Program, level: str | None = None):
    """A program in the kernel, on an instruction set."""
    kernel().level(level or LEVELS[0])
    try:
        return kernel().Runner(
            program.code,
            program.weights,
            program.scratch,
            program.inputs,
            program.outputs,
            program.shape,
            np.full(program.inputs[1, 1] if len(program.inputs) == 2 else 0, -1, np.int32),
        )
    finally:
        kernel().level(LEVELS[0])


def run_elementwise(function: str, level: str, *arguments: np.ndarray) -> np.ndarray:
    """A function of arrays ``[rows, count]``, all operands side by side in one row."""
    count = arguments[0].shape[1]
    words = [word for place in range(3) for word in (EACH, min(place, len(arguments) - 1) * count)]
    code = [CODES.operations["elementwise"], CODES.functions[function], 3 * count, count, *words]
    program = Program(
        np.array(code, np.int32),
        np.zeros(0, np.float32),
        4 * count,
        np.array([[0, len(arguments) * count]], np.int32),
        np.arange(3 * count, 4 * count, dtype=np.int32),
        (count,),
    )
    result: np.ndarray = runner_of(program, level).run(np.concatenate(arguments, 1))
    return result
