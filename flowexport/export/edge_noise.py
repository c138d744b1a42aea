r"""Noise whose samples stand on edges: at each bound of the support, and where splines go over to the identity.

A sampler can be right on a thousand rows of noise and wrong where none of them comes: close to a bound, on it, pushed
against it, and beyond the last knots. Such rows are chosen in the data and taken back through the trained flow.
"""

from __future__ import annotations

__all__ = ["EdgeNoise", "edge_noise"]

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from flowexport.flows import Flow
from flowexport.flows.univariate import RationalQuadraticSpline

from .edges import EDGE, bounded_features, support_of

PUSHED = (2.0**-26, 2.0**-160)
"""Distances from a bound, as a share of its size: so near that float32 has no number between, and nearer than float32
has numbers at all, so that even a bound at 0 is met."""

STEPS = (1 - EDGE, 1.0, 1 + EDGE, 1.25)
"""Just inside the end of a spline, on it, just outside, and where a spline that does not end has left the identity."""

FARTHEST = 1e6
"""A number of noise that no runtime has trouble with; what needs more is drawn in."""


@dataclass(frozen=True)
class EdgeNoise:
    """Rows of noise, and what they are of.

    Arguments:
        z: ``[rows, latent]`` float32.
        context: ``[rows, context]`` float32 of each, or None.
        latent: how many of the first rows stand at the ends of splines of the latent.
    """

    z: np.ndarray
    context: np.ndarray | None
    latent: int


def edge_noise(
    exact: Flow,
    z: np.ndarray,
    context: np.ndarray | None,
    scale: np.ndarray,
    near: float | np.ndarray = 1.0,
) -> EdgeNoise:
    """Rows of noise whose samples, or which themselves, stand on an edge; none for a flow that has no edges.

    Arguments:
        exact: the flow, in float64.
        z, context: golden noise, and the context of each row; every row here starts from one of these.
        scale: ``[*event]``, the deviation of each feature.
        near: what part of the way to the edge is gone, ``[rows]`` or one number.
    """
    given = None if context is None else torch.from_numpy(context).double()
    noise = torch.from_numpy(z).double()
    line = without_bounds(exact)
    start = line.sample_from(noise, given)
    flat = start.flatten(1)
    ends = [side * end * step for end in spline_ends(exact) for side in (-1.0, 1.0) for step in STEPS]
    # At the z end: all columns of the latent at once. At the x end: all standardised features at once.
    latents = [torch.full((exact.features,), end, dtype=torch.float64) for end in ends]
    aims: list[tuple[int, Tensor]] = []
    if exact.standardize is not None:
        aims += [
            (0, exact.standardize.inverse(torch.full(exact.event_shape, end, dtype=torch.float64)).flatten())
            for end in ends
        ]
    aims += bound_aims(exact, flat, scale)

    from_rows = [0] * len(latents) + [row for row, _ in aims]
    of_rows = None if given is None else given[from_rows]
    parts = np.broadcast_to(near, len(from_rows)).reshape(-1, 1).copy()
    part = torch.from_numpy(parts[len(latents) :])
    begun = flat[from_rows[len(latents) :]]
    aimed = torch.stack([aim for _, aim in aims]) if aims else begun
    on_the_way = (begun + part * (aimed - begun)).reshape(-1, *exact.event_shape)
    back = line.forward_and_log_det(on_the_way, None if of_rows is None else of_rows[len(latents) :])[0]
    u = torch.cat([torch.stack(latents), back]) if latents else back
    found = noise_of(exact, u, noise[from_rows])
    first = slice(0, len(latents))
    found[first] = noise[from_rows][first] + torch.from_numpy(parts[first]) * (found - noise[from_rows])[first]
    rows = np.clip(found.nan_to_num(0.0).numpy(), -FARTHEST, FARTHEST).astype(np.float32)
    return EdgeNoise(rows, None if context is None else context[from_rows], len(latents))


def without_bounds(exact: Flow) -> Flow:
    """The flow as it is behind its bounds, on the whole line."""
    line = copy.deepcopy(exact)
    line.bounds = None
    return line


def noise_of(exact: Flow, u: Tensor, like: Tensor) -> Tensor:
    """The noise that becomes a latent ``[rows, features]``, by the components that rows ``like`` have chosen."""
    beside = like[:, exact.features :]
    mean = exact.base.latent(torch.cat([torch.zeros_like(u), beside], dim=1))
    deviation = exact.base.latent(torch.cat([torch.ones_like(u), beside], dim=1)) - mean
    return torch.cat([(u - mean) / deviation, beside], dim=1)


def spline_ends(exact: Flow) -> list[float]:
    """Where the splines of a flow end."""
    return sorted({each.bound for each in exact.modules() if isinstance(each, RationalQuadraticSpline)})


def bound_aims(exact: Flow, flat: Tensor, scale: np.ndarray) -> Iterator[tuple[int, Tensor]]:
    """Of each bound three rows on the whole line: the row that comes nearest to it, and that nearer still.

    Arguments:
        flat: ``[rows, features]``, samples before their bounds.
        scale: ``[*event]``.
    """
    if exact.bounds is None:
        return
    lower, upper = (bound.ravel() for bound in support_of(exact, exact.event_shape))
    for feature in bounded_features(exact, exact.event_shape):
        low, high, deviation = lower[feature], upper[feature], float(scale.ravel()[feature])
        width = math.log(high - low) if math.isfinite(low) and math.isfinite(high) else 0.0
        for bound, side in ((low, -1), (high, 1)):
            if not math.isfinite(bound):
                continue
            row = int((side * flat[:, feature]).argmax())
            size = max(abs(float(bound)), deviation)
            # u = ln(x − a) − ln(b − x), in which the other distance is the width or not there.
            for log_distance in (math.log(EDGE * deviation), *(math.log(share) + math.log(size) for share in PUSHED)):
                aim = flat[row].clone()
                aim[feature] = side * (width - log_distance)
                yield row, aim
