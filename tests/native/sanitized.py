"""What is run under AddressSanitizer and UBSan: python sanitized.py FOLDER, with the kernel that was built for them.

FOLDER holds ``NAME.npz`` for each model: programs, rows and what ONNX Runtime says of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import flowexport_native
import numpy as np

SINGLY = 1000
"""Rows that go one by one as well."""

WORDS = (-1, 2**31 - 1, -(2**31), 2**20, 3)


def kinds(numbers: np.ndarray) -> np.ndarray:
    """Finite, −∞, ∞ or NaN."""
    return np.select([np.isnan(numbers), numbers == np.inf, numbers == -np.inf], [3, 2, 1], 0)


def runner_of(found: dict[str, np.ndarray], graph: str, code: np.ndarray | None = None):
    """A program that was kept."""
    names = ("code", "weights", "scratch", "inputs", "outputs", "shape")
    parts = [found[f"{graph}_{name}"] for name in names]
    parts[0] = parts[0] if code is None else code
    last = np.full(parts[3][1, 1] if len(parts[3]) == 2 else 0, -1, np.int32)
    return flowexport_native.Runner(
        parts[0], parts[1], int(parts[2]), parts[3], parts[4], tuple(parts[5].tolist()), last
    )


def hold_rows(found: dict[str, np.ndarray], graph: str) -> None:
    """A number is finite where ONNX Runtime's is, and not where its is infinite; where its is NaN, either."""
    runner = runner_of(found, graph)
    inputs = [found[name] for name in (f"{graph}_rows", "context") if name in found]
    expected = found[f"{graph}_kinds"]
    for rows, step in ((slice(None), len(inputs[0])), (slice(SINGLY), 1), (slice(SINGLY), 7)):
        some = [each[rows] for each in inputs]
        parts = [runner.run(*(each[at : at + step] for each in some)) for at in range(0, len(some[0]), step)]
        kind = kinds(np.concatenate(parts))
        told = expected[rows] != 3
        assert ((kind == 0) == (expected[rows] == 0))[told].all(), (graph, step)


def spoil(found: dict[str, np.ndarray], graph: str) -> None:
    """Programs with a word that is wrong are refused, or run within their bounds."""
    code = found[f"{graph}_code"]
    inputs = [found[name][:20] for name in (f"{graph}_rows", "context") if name in found]
    for place in np.linspace(0, len(code) - 1, min(len(code), 100)).astype(int):
        for word in WORDS:
            wrong = code.copy()
            wrong[place] = word
            try:
                runner = runner_of(found, graph, wrong)
            except ValueError:
                continue
            for rows in (20, 5, 1):
                runner.run(*(each[:rows] for each in inputs))


for level in flowexport_native.levels():
    flowexport_native.level(level)
    for file in sorted(Path(sys.argv[1]).glob("*.npz")):
        found = dict(np.load(file))
        for graph in ("log_prob", "sample"):
            hold_rows(found, graph)
            spoil(found, graph)
    print(level, "clean")
