"""A million rows on two threads, matrix products alone, and zuko: python -m benchmarks.large_batch [--quick]."""

from __future__ import annotations

__all__ = ["compare"]

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

import flowexport
from flowexport.bench import others_since, pinned, side_by_side, usage
from flowexport.runtime.processors import available_threads

from .flows import Flows, Shape
from .report import Goal, Report, Table, command, not_run

SHAPE = Shape(10, 5, 128)
ROWS = 1_000_000
THREADS = 2
BLOCKS = (256, 1024, 4096)
"""Rows of a block of the matrix products: the quickest counts."""

HOW = """\
Two threads, the process held to two processors, one call each in turn, three times, medians. The matrix products are
those of all conditioners and nothing else: per layer rows × kept · kept × hidden, hidden · hidden, hidden · 2 moved,
into buffers that stay, in blocks over two threads, in NumPy and in PyTorch and at several sizes of block, of which the
quickest counts. *others* is how many processors other processes kept busy: above 0.2 the table is worth little."""


def goals_of(rows: int) -> list[Goal]:
    """The goals; with fewer rows they are quick to see, and no proof."""
    task = f"log_prob, {rows:,} rows, two threads, {SHAPE}"
    return [
        Goal(3, f"{task}: times as long as the matrix products alone", 1.6, "≤"),
        Goal(3, f"{task}: times as fast as zuko", 2.0),
    ]


def products(multiply: Callable[[Any, Any, Any], object], empty: Callable[..., Any], rows: int, block: int) -> Any:
    """A call that makes all products over all rows, block by block on `THREADS` threads."""
    moved = SHAPE.features // 2
    widths = [SHAPE.features - moved, SHAPE.hidden, SHAPE.hidden, 2 * moved]
    weights = [[empty(a, b) for a, b in pairwise(widths)] for _ in range(SHAPE.layers)]
    x = empty(rows, widths[0])
    pool = ThreadPoolExecutor(THREADS, initializer=torch.set_num_threads, initargs=(1,))
    starts = range(0, rows, block)

    def share(first: int) -> None:
        buffers = [empty(block, width) for width in widths[1:]]
        for start in starts[first::THREADS]:
            given = x[start : start + block]
            for layer in weights:
                taken = given
                for weight, buffer in zip(layer, buffers, strict=True):
                    multiply(taken, weight, buffer[: len(given)])
                    taken = buffer[: len(given)]

    return lambda: list(pool.map(share, range(THREADS)))


def numpy_empty(*shape: int) -> np.ndarray:
    """Numbers of an array: zeros would be quick for no good reason on some processors."""
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def numpy_multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    np.matmul(a, b, out=out)


def torch_multiply(a: torch.Tensor, b: torch.Tensor, out: torch.Tensor) -> None:
    torch.mm(a, b, out=out)


def compare(quick: bool) -> Report:
    """The two goals; quick: 50,000 rows."""
    rows = 50_000 if quick else ROWS
    if available_threads() < THREADS:
        reason = f"it takes {THREADS} processors, this process has {available_threads()}"
        return Report("Large batches", HOW, [Table("Not run", ["reason"], [[reason]])], not_run(goals_of(rows), reason))
    with tempfile.TemporaryDirectory() as folder, pinned(THREADS), torch.no_grad(), threadpool_limits(1, "blas"):
        # threadpoolctl holds torch too where it finds its OpenMP; zuko is to have both threads.
        torch.set_num_threads(THREADS)
        flows = Flows(SHAPE, Path(folder))
        model = flowexport.load(flows.bundle, device="cpu", threads=THREADS)
        x = np.random.default_rng(0).standard_normal((rows, SHAPE.features), np.float32)
        density, tensor = flows.zuko(), torch.from_numpy(x)
        calls: dict[str, Callable[[], object]] = {
            "flowexport": lambda: model.log_prob(x),
            "zuko": lambda: density.log_prob(tensor),
        }
        for block in BLOCKS:
            calls[f"products, NumPy, blocks of {block}"] = products(numpy_multiply, numpy_empty, rows, block)
            calls[f"products, PyTorch, blocks of {block}"] = products(torch_multiply, torch.randn, rows, block)
        start = usage()
        timings = side_by_side(calls, seconds=1e-3, fewest=1 if quick else 3, warm_seconds=0)
        others = others_since(start)
    ours = timings["flowexport"].median
    least = min(timing.median for name, timing in timings.items() if name.startswith("products"))
    lines = [[name, f"{timing.median / 1e6:.3g}", f"{timing.median / ours:.3g} ×"] for name, timing in timings.items()]
    notes = [f"others: {'unknown' if others is None else f'{others:.1f}'}"]
    table = Table(f"log_prob of {rows:,} rows: {SHAPE}", ["", "seconds", "beside flowexport"], lines, notes)
    found = (ours / least, timings["zuko"].median / ours)
    goals = [
        Goal(each.item, each.name, each.bound, each.sense, figure=figure)
        for each, figure in zip(goals_of(rows), found, strict=True)
    ]
    figures: list[dict[str, Any]] = [{"peer": name, "rows": rows, **vars(each)} for name, each in timings.items()]
    return Report("Large batches", HOW, [table], goals, figures)


if __name__ == "__main__":
    command(compare, __doc__ or "")
