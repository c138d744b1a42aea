"""The mass of a density: that it integrates to 1, from the graph alone."""

from __future__ import annotations

__all__ = ["mass_checks"]

from collections.abc import Iterator

import numpy as np

from flowexport.errors import BundleError
from flowexport.runtime import Model

from .checks import Check, Status
from .line import line_of

BOUND = 1e-3
"""How far the integral may be from 1."""

AGREEMENT = 1e-4
"""How closely two grids, one twice as fine, must agree before their integral is believed; three, before it is believed
not to be 1. Ridges between the cells of both grids, bridges from island to island for instance, make two agree on too
little."""

CELLS = {1: (256, 1 << 20), 2: (128, 4096)}
"""The first and the finest grid, in cells an axis, by the number of features."""

BOX_SAMPLES = 20_000
MARGIN = 0.5
"""The box spans the samples and, on each side, this part of their range again."""


def mass_checks(model: Model, contexts: np.ndarray | None) -> list[Check]:
    """Integrates the density over a box, for one or two features, and up to three contexts.

    Arguments:
        model: the loaded bundle.
        contexts: ``[rows, context]`` to choose from, or None.
    """
    if model.event_shape not in ((1,), (2,)):
        return [Check("mass", "integral of the density", "not run", detail="one or two features only")]
    if contexts is None:
        return [attempted(model, None, "integral of the density")]
    chosen = contexts[np.linspace(0, len(contexts) - 1, 3).astype(int)]
    return [attempted(model, row, f"integral at context {np.array2string(row, precision=3)}") for row in chosen]


def attempted(model: Model, context: np.ndarray | None, subject: str) -> Check:
    """The check, or its failure where the graph cannot be run on a batch."""
    try:
        return mass_check(model, context, subject)
    except BundleError as error:
        return Check("mass", subject, "failed", detail=str(error))


def mass_check(model: Model, context: np.ndarray | None, subject: str) -> Check:
    """Midpoint sums on grids of twice the fineness until two agree, with bounded features on the whole line."""
    line = line_of(model.manifest)
    samples = line.from_x(model.sample(BOX_SAMPLES, context, seed=0).astype(np.float64))
    low, high = samples.min(axis=0), samples.max(axis=0)
    low, high = low - MARGIN * (high - low), high + MARGIN * (high - low)
    ends = zip(line.to_x(low)[0], line.to_x(high)[0], strict=True)
    box = " × ".join(f"[{min(pair):.4g}, {max(pair):.4g}]" for pair in ends)
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (high > low).all()):
        return Check("mass", subject, "failed", detail=f"samples span no finite box: {box}")
    cells, finest = CELLS[len(low)]
    before, agreed = None, False
    while cells <= finest:
        integral = sum(mass_of(model, context, *line.to_x(points)) for points in grid(low, high, cells))
        integral *= float(np.prod((high - low) / cells))
        if not np.isfinite(integral):
            break
        agrees = before is not None and abs(integral - before) <= AGREEMENT
        distance = abs(integral - 1)
        if agrees and (distance <= BOUND or agreed or cells == finest):
            status: Status = "passed" if distance <= BOUND else "failed"
            return Check("mass", subject, status, distance, BOUND, f"|∫ − 1| over {box}, {cells} cells an axis")
        before, agreed, cells = integral, agrees, 2 * cells
    if np.isfinite(integral):
        return Check("mass", subject, "failed", detail=f"grids up to {finest} cells an axis over {box} do not agree")
    return Check("mass", subject, "failed", detail=f"the integral over {box} is no number")


def mass_of(model: Model, context: np.ndarray | None, x: np.ndarray, slope: np.ndarray) -> float:
    """The sum of p(x) |∂x/∂u| over points, ``[points, features]`` both."""
    density = np.exp(model.log_prob(x, context).astype(np.float64))
    # Where the density is zero its point may be out of reach, and the slope infinite.
    return float(np.where(density == 0, 0, density * slope.prod(axis=1)).sum())


def grid(low: np.ndarray, high: np.ndarray, cells: int) -> Iterator[np.ndarray]:
    """The midpoints of a grid, ``[cells², 2]`` or ``[cells, 1]``, in slabs that fit memory."""
    axes = [a + (np.arange(cells) + 0.5) * (b - a) / cells for a, b in zip(low, high, strict=True)]
    if len(axes) == 1:
        yield axes[0][:, None]
        return
    slab = max(1, (1 << 18) // cells)
    for start in range(0, cells, slab):
        first, second = np.meshgrid(axes[0][start : start + slab], axes[1], indexing="ij")
        yield np.stack([first.ravel(), second.ravel()], axis=1)
