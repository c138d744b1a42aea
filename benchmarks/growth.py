"""How the cost grows with features, layers and width, beside zuko: python -m benchmarks.growth [--quick]."""

from __future__ import annotations

__all__ = ["compare"]

import tempfile
from pathlib import Path

import numpy as np

from flowexport.bench import pinned, side_by_side

from .flows import Flows, Shape
from .peers import OURS, ZUKO, of_flowexport, of_zuko
from .report import Report, Table, command, microseconds

BASE = Shape(10, 5, 128)
SIZES = {"features": (2, 10, 32, 64), "layers": (2, 5, 10, 20), "hidden": (32, 128, 256, 512)}
ROWS = (1, 1024)
SECONDS = 0.5

HOW = f"""\
log_prob, one thread, medians in turn with zuko in PyTorch; one size at a time, the others those of {BASE}. In brackets
how many times as long zuko takes."""


def cell(flows: Flows, rows: int, seconds: float) -> tuple[str, dict[str, float]]:
    """Ours and zuko's at a number of rows."""
    x = np.random.default_rng(0).standard_normal((rows, flows.shape.features), np.float32)
    calls = {OURS: of_flowexport(flows)("log_prob", x, 1), ZUKO: of_zuko(flows)("log_prob", x, 1)}
    timings = {name: timing.median for name, timing in side_by_side(calls, seconds=seconds, fewest=3).items()}
    return f"{microseconds(timings[OURS])} ({timings[ZUKO] / timings[OURS]:.3g} ×)", timings


def compare(quick: bool) -> Report:
    """Every size; quick: the first two of each."""
    tables, figures = [], []
    with tempfile.TemporaryDirectory() as folder, pinned(1):
        for field, sizes in SIZES.items():
            rows = []
            for size in sizes[:2] if quick else sizes:
                shape = BASE._replace(**{field: size})
                flows = Flows(shape, Path(folder))
                line = [str(size)]
                for count in ROWS:
                    text, timings = cell(flows, count, SECONDS / 10 if quick else SECONDS)
                    line.append(text)
                    figures.append({"shape": list(shape), "rows": count, **timings})
                rows.append(line)
            tables.append(Table(f"By {field}", [field, *(f"{n:,} row{'s' if n > 1 else ''}, µs" for n in ROWS)], rows))
    return Report("Cost as flows grow", HOW, tables, [], figures)


if __name__ == "__main__":
    command(compare, __doc__ or "")
