"""Time to a held-out NLL beside the loop of zuko's page: python -m benchmarks.training_time [--quick]."""

from __future__ import annotations

__all__ = ["compare"]

import math
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
import torch
import zuko

import flowexport
from flowexport.bench import pinned
from flowexport.flows import RealNVP
from flowexport.flows.defaults import REFERENCE_PAGE
from flowexport.training import Epoch, load_recipe

from .report import Goal, Report, Table, command

MODELS = Path(__file__).resolve().parents[1] / "models"
ROWS = 10_000
"""Rows of training, and held-out rows, of the densities that can be drawn from: the loop takes a minute for them."""

HELD_OUT = 0.2
"""Part of the breast cancer rows."""

TRANSFORMS, HIDDEN = 5, (128, 128)
EPOCHS, BATCH, RATE = 100, 128, 1e-3
"""Of the loop of zuko's page."""

BOUND = 1 / 3
"""How much of its time ours may take."""

HOW = f"""\
The loop of zuko's page of RealNVP (Adam at 1e-3, {EPOCHS} epochs, batches of {BATCH} in a new order every epoch) beside
`flowexport.fit` with its defaults, a tenth of the rows held back for early stopping among them. The same architecture,
{TRANSFORMS} layers of {HIDDEN[0]} · {HIDDEN[1]}, {ROWS:,} rows (of breast_cancer four fifths of the benign ones), one
thread. zuko is given standardised rows, which its page does not do; NLLs are of the rows themselves, in nats, on rows
that neither has seen. Evaluating them is not counted. The goal is held to the NLL after the last epoch of the loop; its
best on the way is a harder mark, told beside it, as the zoo's own recipes are, whose architectures are smaller."""


def script(model: str) -> ModuleType:
    """How a model of the zoo makes its rows."""
    spec = spec_from_file_location(f"rows_of_{model}", MODELS / model / "make_rows.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn(model: str) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    """Training and held-out rows of a density that can be drawn from."""
    return lambda: (script(model).draw(ROWS, 0), script(model).draw(ROWS, 1))


def breast_cancer() -> tuple[np.ndarray, np.ndarray]:
    """Training and held-out rows of benign tumours."""
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer()
    rows = table.data[table.target == list(table.target_names).index("benign")]
    rows = np.random.default_rng(0).permutation(rows)
    held = int(HELD_OUT * len(rows))
    return rows[held:], rows[:held]


DATA = {"banana": drawn("banana"), "funnel": drawn("funnel"), "breast_cancer": breast_cancer}

Curve = list[tuple[float, float]]
"""Seconds spent in training, and the held-out NLL, after each epoch."""


def page_loop(
    training: np.ndarray,
    held_out: np.ndarray,
    epochs: int,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Curve:
    """zuko's page."""
    mean, deviation = training.mean(axis=0), training.std(axis=0)
    x, held = (torch.from_numpy((rows - mean) / deviation).float() for rows in (training, held_out))
    unit = float(np.log(deviation).sum())
    torch.manual_seed(seed)
    flow = zuko.flows.RealNVP(x.shape[1], transforms=TRANSFORMS, hidden_features=HIDDEN)
    optimizer = torch.optim.Adam(flow.parameters(), lr=RATE)
    curve, seconds = [], 0.0
    for _ in range(epochs):
        started = clock()
        for batch in x[torch.randperm(len(x))].split(BATCH):
            optimizer.zero_grad()
            loss = -flow().log_prob(batch).mean()
            loss.backward()
            optimizer.step()
        seconds += clock() - started
        with torch.no_grad():
            curve.append((seconds, unit - float(flow().log_prob(held).double().mean())))
    return curve


class Reached(Exception):
    """There is nothing left to learn."""


def defaults(features: int) -> tuple[RealNVP, dict[str, Any]]:
    """The architecture of the loop, and the arguments of `flowexport.fit`: none."""
    return RealNVP(features, **REFERENCE_PAGE | {"transforms": TRANSFORMS, "hidden_features": HIDDEN}), {}


def zoo_recipe(model: str) -> tuple[RealNVP, dict[str, Any]]:
    """The architecture and the training of a model of the zoo, by its recipe."""
    recipe = load_recipe(MODELS / model / "recipe.toml")
    features = {"banana": 2, "funnel": 10, "breast_cancer": 30}[model]
    torch.manual_seed(recipe.training.seed)
    flow = RealNVP(features, **msgspec.structs.asdict(recipe.flow))
    return flow, {"validation": recipe.data.validation, **msgspec.structs.asdict(recipe.training)}


def ours(flow: RealNVP, training: np.ndarray, held_out: np.ndarray, target: float, arguments: dict[str, Any]) -> Curve:
    """`flowexport.fit`, until the target is reached."""
    held = torch.from_numpy(held_out).float()
    curve: Curve = []

    def on_epoch(epoch: Epoch) -> None:
        before = curve[-1][0] if curve else 0.0
        flow.eval()
        with torch.no_grad():
            nll = -float(flow.log_prob(held).double().mean())
        curve.append((before + epoch.seconds, nll))
        if nll <= target:
            raise Reached

    with suppress(Reached):
        flowexport.fit(flow, training, on_epoch=on_epoch, **arguments)
    return curve


def until(curve: Curve, target: float) -> float:
    """Seconds until an NLL is reached; infinite where it is not."""
    return next((seconds for seconds, nll in curve if nll <= target), math.inf)


def told(seconds: float, of: float) -> str:
    """Seconds, and their part of others."""
    return f"{seconds:.1f} ({seconds / of:.2f})" if math.isfinite(seconds) else "not reached"


def compare(quick: bool) -> Report:
    """Every data set; quick: three epochs of each."""
    rows, goals, harder, figures = [], [], [], []
    with pinned(1):
        for name, data in DATA.items():
            print(name, file=sys.stderr, flush=True)
            training, held_out = data()
            theirs = page_loop(training, held_out, 3 if quick else EPOCHS)
            (total, final), best = theirs[-1], min(nll for _, nll in theirs)
            # A loop that went astray has no NLL to reach.
            final, best = (value if math.isfinite(value) else math.inf for value in (final, best))
            rows.append([name, "loop of zuko's page", f"{total:.1f}", f"{until(theirs, best):.1f}", f"{best:.4g}"])
            rows[-1].append(f"{final:.4g}")
            figures.append({"data": name, "by": "loop", "curve": theirs})
            torch.manual_seed(0)
            for by, (flow, arguments) in {
                "flowexport.fit": defaults(training.shape[1]),
                "the zoo's recipe": zoo_recipe(name),
            }.items():
                few = {"epochs": 3} if quick else {}
                mine = ours(flow, training, held_out, min(final, best), {**arguments, **few})
                figures.append({"data": name, "by": by, "curve": mine})
                reached = [until(mine, nll) for nll in (final, best)]
                lowest, last = min(nll for _, nll in mine), mine[-1][1]
                rows.append([name, by, *(told(each, total) for each in reached), f"{lowest:.4g}", f"{last:.4g}"])
                if by == "flowexport.fit":
                    task = f"{name}, {by}: part of the loop's time until its NLL"
                    goals.append(Goal(5, task, round(BOUND, 3), "≤", figure=reached[0] / total))
                task = f"{name}, {by}: the same until the loop's best NLL, harder than the goal"
                harder.append(Goal(5, task, None, "≤", figure=reached[1] / total))
    columns = ["", "by", "s until the loop's last NLL (part of its time)", "s until the loop's best NLL"]
    columns += ["best NLL", "last NLL"]
    notes = ["ours stop where they have reached both"]
    table = Table("Until the same NLL", columns, rows, notes)
    return Report("Training: time to a held-out NLL", HOW, [table], goals + harder, figures)


if __name__ == "__main__":
    command(compare, __doc__ or "")
