"""The picture of interop.md: models that zuko, nflows and normflows trained, and what their bundles say."""

from __future__ import annotations

__all__ = ["draw_adopted"]

import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from drawing import DOT, DOTS, INK, SHADES, LogProb, Panel, Window, draw_panel, picture

STEPS, BATCH = 400, 512

HELD_OUT = 5000
"""Rows that no model is trained on, over which bundle and library are compared."""

BOUND = 1e-4
"""Nats that are allowed, a hundred-thousandth of the value left aside."""

WINDOW: Window = (-1.6, 2.6, -1.1, 1.6)


def draw_adopted(path: Path, rows: np.ndarray) -> None:
    """Trains a model in each library, adopts and exports it, and draws the densities of the bundles beside the rows.

    The last panel is of the differences to the library's own log_prob in float64, over held-out rows.

    Arguments:
        path: of the PNG.
        rows: ``[rows, 2]``, the last `HELD_OUT` of which are held out.
    """
    colours = {"zuko": SHADES[3], "nflows": DOT, "normflows": SHADES[5]}
    bundles = {name: adopted(name, rows) for name in colours}
    with picture(path, 2 + len(bundles), apart=1) as all_axes:
        panels: list[Panel] = [
            ("Rows", rows[: DOTS // 2]),
            *((name, density) for name, (density, _) in bundles.items()),
        ]
        for axes, panel in zip(all_axes, panels, strict=False):
            draw_panel(axes, WINDOW, panel)
            axes.set_xlabel("$x_1$")
        all_axes[0].set_ylabel("$x_2$")
        last = all_axes[-1]
        cells = np.logspace(-9, -3.5, 56)
        for name, (_, differences) in bundles.items():
            counts = np.histogram(np.maximum(differences, cells[0]), cells)[0]
            last.stairs(counts, cells, color=colours[name], linewidth=1.4, label=name)
        last.axvline(BOUND, color=INK, linewidth=0.8, linestyle="--")
        last.annotate(
            "bound", (BOUND, 0.97), (-3, 0), last.get_xaxis_transform(), "offset points", ha="right", va="top"
        )
        last.set_title(f"{HELD_OUT:,} rows: off by", fontsize=10, loc="left")
        last.set(xscale="log", xlim=(cells[0], cells[-1]), xlabel="$|\\Delta\\,\\log p|$, nats", yticks=[])
        last.legend(frameon=False, loc="upper left", fontsize=8)


def adopted(name: str, rows: np.ndarray) -> tuple[LogProb, np.ndarray]:
    """The density of a library's model as its bundle has it, and how far that is from the library's, ``[rows]``."""
    import torch

    import flowexport

    adopt, numbers_of, make, loss_of = libraries()[name]
    x = torch.from_numpy(rows).float()
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        model = make()
        # The first batch initialises ActNorm, where there is one.
        loss_of(model, x[:BATCH])
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
        for step in range(STEPS):
            batch = x[step * BATCH % (len(x) - HELD_OUT) :][:BATCH]
            loss = loss_of(model, batch)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            schedule.step()
        held_out = rows[-HELD_OUT:].astype(np.float32)
        numbers = numbers_of(model)
        with tempfile.TemporaryDirectory() as folder:
            bundle = Path(folder) / "bundle"
            flowexport.export(adopt(model), bundle, held_out, original=numbers)
            loaded = flowexport.load(bundle, device="cpu")
        expected = numbers.log_prob(torch.from_numpy(held_out).double(), None).numpy()
    return lambda cells: loaded.log_prob(cells.astype(np.float32)), np.abs(loaded.log_prob(held_out) - expected)


def libraries() -> dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[], Any], Callable[..., Any]]]:
    """For each library what adopts its models, what asks them, a model of two features, and its loss, nats."""
    from flowexport.interop import (
        from_nflows,
        from_normflows,
        from_zuko,
        nflows_numbers,
        normflows_numbers,
        zuko_numbers,
    )

    return {
        "zuko": (from_zuko, zuko_numbers, of_zuko, lambda flow, x: -flow().log_prob(x).mean()),
        "nflows": (from_nflows, nflows_numbers, of_nflows, lambda flow, x: -flow.log_prob(x).mean()),
        "normflows": (from_normflows, normflows_numbers, of_normflows, lambda flow, x: flow.forward_kld(x)),
    }


def of_zuko() -> Any:
    """Couplings of splines."""
    import zuko
    from torch import nn

    spline = partial(zuko.transforms.MonotonicRQSTransform, bound=4.0)
    shapes = [(8,), (8,), (7,)]
    return zuko.flows.NICE(
        2, transforms=4, univariate=spline, shapes=shapes, hidden_features=(64, 64), activation=nn.SiLU
    )


def of_nflows() -> Any:
    """Couplings of splines with learned linear maps between them."""
    from nflows import distributions, transforms
    from nflows.flows import Flow
    from nflows.nn.nets import ResidualNet

    layers: list[Any] = []
    for number in range(4):
        spline = transforms.PiecewiseRationalQuadraticCouplingTransform(
            [number % 2, 1 - number % 2],
            lambda inward, outward: ResidualNet(inward, outward, 32),
            num_bins=8,
            tails="linear",
            tail_bound=4.0,
        )
        layers += [spline, transforms.LULinear(2)]
    return Flow(transforms.CompositeTransform(layers), distributions.StandardNormal([2]))


def of_normflows() -> Any:
    """Affine blocks, swaps and ActNorm."""
    import normflows

    layers: list[Any] = []
    for _ in range(8):
        network = normflows.nets.MLP([1, 64, 64, 2], init_zeros=True)
        block = normflows.flows.AffineCouplingBlock(network, scale_map="sigmoid")
        layers += [block, normflows.flows.Permute(2, "swap"), normflows.flows.ActNorm(2)]
    return normflows.NormalizingFlow(normflows.distributions.DiagGaussian(2), layers)
