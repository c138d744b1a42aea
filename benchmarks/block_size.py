"""What a row costs in blocks of several sizes: python -m benchmarks.block_size [--quick]."""

from __future__ import annotations

__all__ = ["compare"]

import tempfile
from pathlib import Path

import numpy as np
import torch

import flowexport
from flowexport.bench import pinned, side_by_side

from .flows import SHAPES, Flows
from .report import Report, Table, command

BLOCKS = (128, 256, 512, 1024, 2048, 4096)

HOW = """\
One thread, log_prob of one block, the sizes in turn, medians: µs a row. The rule of `flowexport.runtime.blocks`,
1,024 rows, and fewer where layers are wider than 512, rests on this table."""


def compare(quick: bool) -> Report:
    """Every shape; quick: the first two."""
    lines, figures = [], []
    with tempfile.TemporaryDirectory() as folder, pinned(1), torch.no_grad():
        for shape in SHAPES[:2] if quick else SHAPES:
            graph = flowexport.load(Flows(shape, Path(folder)).bundle, device="cpu").graphs["log_prob"]
            calls = {}
            for rows in BLOCKS:
                x = np.random.default_rng(0).standard_normal((rows, shape.features), np.float32)
                out = np.empty(rows, np.float32)
                calls[str(rows)] = lambda graph=graph, x=x, out=out: graph.run_into([x], out)
            timings = side_by_side(calls, seconds=0.05 if quick else 1, fewest=5)
            lines.append([str(shape), *(f"{timings[str(rows)].median / rows:.3g}" for rows in BLOCKS)])
            figures += [{"shape": list(shape), "rows": int(rows), **vars(each)} for rows, each in timings.items()]
    heads = ["features, layers, hidden", *(f"{rows:,} rows" for rows in BLOCKS)]
    return Report("Block size", HOW, [Table("µs a row", heads, lines)], [], figures)


if __name__ == "__main__":
    command(compare, __doc__ or "")
