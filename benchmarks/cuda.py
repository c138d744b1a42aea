"""log_prob and sample on a GPU beside zuko on the same: python -m benchmarks.cuda [--quick]."""

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
from .peers import Call
from .report import NO_GPU, Goal, Report, Table, command, microseconds

ROWS = (1, 1024, 16384, 1_000_000)
VERBS = ("log_prob", "sample")

HOW = """\
*arrays*: in the processor's memory, in and out, the copies counted. *tensors*: on the GPU, in and out, waited for at
the end of each call. The same weights, TF32 off, medians in turn; `sample` is the map from given latents. In brackets
how many times as long zuko takes for the same."""


def calls(model: flowexport.Model, density: Any, verb: str, x: np.ndarray, device: str) -> dict[str, Call]:
    """log_prob or the map from latents of rows, by each, from arrays and from tensors on the device."""
    ours = model.log_prob if verb == "log_prob" else model.sample_from
    theirs = density.log_prob if verb == "log_prob" else density.transform.inv
    tensor = torch.from_numpy(x).to(device)

    def waited(function: Callable[[Any], Any]) -> Call:
        def call() -> Any:
            result = function(tensor)
            if tensor.is_cuda:
                torch.cuda.synchronize()
            return result

        return call

    return {
        "flowexport, arrays": lambda: ours(x),
        "zuko, arrays": lambda: theirs(torch.from_numpy(x).to(device)).cpu().numpy(),
        "flowexport, tensors": waited(ours),
        "zuko, tensors": waited(theirs),
    }


def compare(quick: bool) -> Report:
    """Every shape, verb and number of rows where there is a GPU; quick: the middle shape, up to 1024 rows."""
    title = "CUDA"
    fault = cuda_fault(0)
    if fault is None and not torch.cuda.is_available():
        fault = "PyTorch finds no GPU"
    if fault is not None:
        goal = Goal(4, "log_prob and sample on CUDA beside zuko on CUDA", None, reason=NO_GPU)
        return Report(
            title, HOW, [Table("log_prob and sample", ["reason"], [[f"not run: {NO_GPU} ({fault})"]])], [goal]
        )
    torch.backends.cuda.matmul.allow_tf32 = False
    tables, goals, figures = [], [], []
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        for shape in SHAPES[1:2] if quick else SHAPES:
            flows = Flows(shape, Path(folder))
            model = flowexport.load(flows.bundle, device="cuda")
            density = flows.zuko.cuda()()
            counts = ROWS[:2] if quick else ROWS
            for verb in VERBS:
                lines = {kind: [kind] for kind in ("arrays", "tensors")}
                for count in counts:
                    x = np.random.default_rng(0).standard_normal((count, shape.features), np.float32)
                    timings = side_by_side(calls(model, density, verb, x, "cuda"))
                    task = {"shape": list(shape), "verb": verb, "rows": count}
                    figures.append(task | {name: vars(each) for name, each in timings.items()})
                    for kind, line in lines.items():
                        ours, theirs = (timings[f"{name}, {kind}"].median for name in ("flowexport", "zuko"))
                        line.append(f"{microseconds(ours)} ({theirs / ours:.3g} ×)")
                        if count == 1:
                            name = f"{verb} on CUDA, one row, {shape}, {kind}: times as fast as zuko"
                            goals.append(Goal(4, name, None, figure=theirs / ours))
                heads = [f"{count:,} rows, µs" for count in counts]
                tables.append(Table(f"{verb}: {shape}", ["", *heads], list(lines.values())))
    return Report(title, HOW, tables, goals, figures)


if __name__ == "__main__":
    command(compare, __doc__ or "")
