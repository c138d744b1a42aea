"""log_prob on a GPU beside zuko on the same: python -m benchmarks.cuda [--quick]."""

from __future__ import annotations

__all__ = ["compare"]

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import flowexport
from flowexport.bench import side_by_side
from flowexport.runtime.device import cuda_fault

from .flows import SHAPES, Flows
from .report import NO_GPU, Goal, Report, Table, command, microseconds

ROWS = (1, 1024, 16384, 1_000_000)

HOW = """\
Arrays of the processor's memory in and out, the copies counted, for both; TF32 off; medians in turn."""


def calls(model: flowexport.Model, density: Any, x: np.ndarray) -> dict[str, Callable[[], object]]:
    """log_prob of rows in the processor's memory, by each."""
    return {
        "flowexport": lambda: model.log_prob(x),
        "zuko": lambda: density.log_prob(torch.from_numpy(x).cuda()).cpu().numpy(),
    }


def compare(quick: bool) -> Report:
    """Every shape and number of rows where there is a GPU; quick: the middle shape, up to 1024 rows."""
    title = "CUDA"
    fault = cuda_fault(0)
    if fault is None and not torch.cuda.is_available():
        fault = "PyTorch finds no GPU"
    if fault is not None:
        goal = Goal(4, "log_prob and sample on CUDA beside zuko on CUDA", None, reason=NO_GPU)
        return Report(title, HOW, [Table("log_prob", ["reason"], [[f"not run: {NO_GPU} ({fault})"]])], [goal])
    rows, figures, goals = [], [], []
    torch.backends.cuda.matmul.allow_tf32 = False
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        for shape in SHAPES[1:2] if quick else SHAPES:
            flows = Flows(shape, Path(folder))
            model = flowexport.load(flows.bundle, device="cuda")
            density = flows.zuko.cuda()()
            line = [str(shape)]
            for count in ROWS[:2] if quick else ROWS:
                x = np.random.default_rng(0).standard_normal((count, shape.features), np.float32)
                timings = side_by_side(calls(model, density, x))
                ratio = timings["zuko"].median / timings["flowexport"].median
                line.append(f"{microseconds(timings['flowexport'].median)} ({ratio:.3g} ×)")
                figures.append(
                    {"shape": list(shape), "rows": count, **{name: vars(each) for name, each in timings.items()}}
                )
                if count == ROWS[0]:
                    name = f"log_prob on CUDA, one row, {shape}: times as fast as zuko"
                    goals.append(Goal(4, name, None, figure=ratio))
            rows.append(line)
    heads = [f"{count:,} rows, µs" for count in (ROWS[:2] if quick else ROWS)]
    return Report(
        title, HOW, [Table("log_prob, and how many times as long zuko takes", ["", *heads], rows)], goals, figures
    )


if __name__ == "__main__":
    command(compare, __doc__ or "")
