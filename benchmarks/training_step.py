"""A step of training beside zuko's, eager and compiled, on one thread: python -m benchmarks.training_step [--quick]."""

from __future__ import annotations

__all__ = ["compare"]

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import flowexport
from flowexport.bench import Timing, pinned, side_by_side
from flowexport.flows.defaults import REFERENCE_PAGE

from .flows import Shape, zuko_flow
from .report import Goal, Report, Table, command, microseconds

GOALS = {(Shape(10, 5, 128), 128): 1.6, (Shape(8, 5, 256), 256): 1.3}
"""Shape and rows of a batch → how many times as fast our step must be, without compiling."""

SECONDS = 2.0

HOW = f"""\
One step: gradients to zero, −mean log_prob of a batch, backward, Adam at 1e-3 (PyTorch's fused one, for both). The same
architecture and batch, one thread, the process held to one processor, medians of 200 steps or {SECONDS:g} s in turn.
*compiled* is `torch.compile` of the loss."""

OURS, ZUKO = "flowexport", "zuko"


def step(flow: torch.nn.Module, loss: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[], object]:
    """A step of training."""
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3, fused=True)

    def one() -> None:
        optimizer.zero_grad()
        loss(x).backward()
        optimizer.step()

    return one


def steps(shape: Shape, batch: int, compiled: bool) -> dict[str, Callable[[], object]]:
    """A step of each."""
    torch.manual_seed(0)
    x = torch.randn(batch, shape.features)
    page = REFERENCE_PAGE | {"transforms": shape.layers, "hidden_features": (shape.hidden, shape.hidden)}
    ours = flowexport.RealNVP(shape.features, **page)
    theirs = zuko_flow(shape)
    losses: dict[str, tuple[Any, Callable[[Tensor], Tensor]]] = {
        OURS: (ours.train(), lambda x: -ours.log_prob(x).mean()),
        ZUKO: (theirs.train(), lambda x: -theirs().log_prob(x).mean()),
    }
    if compiled:
        torch._dynamo.reset()
    return {name: step(flow, torch.compile(loss) if compiled else loss, x) for name, (flow, loss) in losses.items()}


def measured(shape: Shape, batch: int, compiled: bool, seconds: float) -> dict[str, Timing] | str:
    """Timings, or why there are none."""
    try:
        return side_by_side(steps(shape, batch, compiled), seconds=seconds)
    except Exception as error:  # whatever a compiler may raise is its reason
        return f"not run: {type(error).__name__}: {' '.join(str(error).split())[:160]}"


def compare(quick: bool) -> Report:
    """Both shapes, eager and compiled; quick: the first."""
    rows, notes, goals, figures = [], [], [], []
    with pinned(1):
        for (shape, batch), least in list(GOALS.items())[: 1 if quick else 2]:
            for compiled in (False, True):
                found = measured(shape, batch, compiled, SECONDS / 4 if quick else SECONDS)
                task = f"{shape}, batch {batch}{', compiled' if compiled else ''}"
                name = f"a step of training, {shape}, batch {batch}: times as fast as zuko's"
                if isinstance(found, str):
                    rows.append([task, "not run", "not run", ""])
                    notes.append(f"{task}: {found}")
                    goals += [] if compiled else [Goal(5, name, least, reason=found)]
                    continue
                ratio = found[ZUKO].median / found[OURS].median
                rows.append([task, *(microseconds(found[each].median) for each in (OURS, ZUKO)), f"**{ratio:.3g}**"])
                goals += [] if compiled else [Goal(5, name, least, figure=ratio)]
                timings = {each: vars(timing) for each, timing in found.items()}
                figures.append({"shape": list(shape), "batch": batch, "compiled": compiled, **timings})
    table = Table("One step", ["features, layers, hidden", "flowexport, µs", "zuko, µs", "× zuko"], rows, notes)
    return Report("Training: a step", HOW, [table], goals, figures)


if __name__ == "__main__":
    command(compare, __doc__ or "")
