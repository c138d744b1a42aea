"""Which features a flow's couplings keep and move in turn, where that is left to training."""

from __future__ import annotations

__all__ = ["choose_halves", "half_of", "open_halves", "take_half"]

import numpy as np
import torch
from numpy.polynomial import legendre

from flowexport.errors import ArgumentError
from flowexport.flows import Flow
from flowexport.flows.defaults import MASKS
from flowexport.flows.masks import alternating
from flowexport.flows.stack import HalvesStack

DEGREE = 4
"""Of the polynomials of ranks whose correlations are looked at: a ring shows in the second, a wave in the fourth."""

SURE = 4.0
"""Standard errors above what independent features have, from which on two count as dependent: one of 20,000 pairs of
independent ones does."""

ENOUGH = 10_000
"""Rows that are looked at: more make errors of a hundredth smaller."""


def choose_halves(flow: Flow, u: np.ndarray) -> None:
    """Puts features that depend on each other into different halves, where the flow's ``masks`` are "dependent".

    Within a half no feature is moved given another, so that what two of it have in common is learned by way of the
    other half alone, and not at all where nothing there depends on them. The flow's arguments then name the masks.

    Arguments:
        flow: new: nothing has been learned in its couplings.
        u: ``[rows, features]``, as the couplings get them: standardised, and whitened where the flow whitens.
    """
    if (stack := open_halves(flow)) is not None:
        take_half(flow, halves(dependence(u), stack.mask.cpu().numpy()))


def open_halves(flow: Flow) -> HalvesStack | None:
    """The stack of a flow whose halves are to be chosen, and are not yet."""
    return flow.stack if flow.arguments.get("masks") == MASKS and isinstance(flow.stack, HalvesStack) else None


def take_half(flow: Flow, kept: np.ndarray) -> None:
    """Gives a flow whose halves are left to training the features that its first coupling keeps.

    Raises:
        ArgumentError: where they are not as many as it keeps, or the flow has halves of its own.
    """
    stack = open_halves(flow)
    if stack is None or kept.shape != (flow.features,) or kept.sum() != len(stack.first):
        raise ArgumentError("the halves are not those of this flow", key="masks")
    stack.divide(torch.from_numpy(kept))
    masks = [(kept == (layer % 2 == 0)).tolist() for layer in range(len(stack.couplings))]
    usual = masks == alternating(flow.features, len(masks)).tolist()
    flow.arguments["masks"] = "alternating" if usual else masks


def half_of(flow: Flow) -> list[bool] | None:
    """True for each feature that the first coupling keeps, where a flow works on halves."""
    return flow.stack.mask.tolist() if isinstance(flow.stack, HalvesStack) else None


def dependence(u: np.ndarray) -> np.ndarray:
    r"""How much each two features depend on each other, ``[features, features]``: 0 where that may be chance.

    .. math:: D_{ij} = \sum_{a, b = 1}^{4} \mathrm{corr}(P_a(r_i), P_b(r_j))^2

    with ranks :math:`r` in (−1, 1) and Legendre's polynomials :math:`P`, which are uncorrelated of a uniform number:
    the square of a chi-square statistic, by moments in place of cells. Of independent features its mean is 16 / rows.
    """
    rows, features = u.shape
    if rows > ENOUGH:
        u = u[np.linspace(0, rows - 1, ENOUGH).astype(int)]
        rows = ENOUGH
    moments = legendre.legvander(np.apply_along_axis(ranks, 0, u), DEGREE)[..., 1:].reshape(rows, -1)
    moments -= moments.mean(axis=0)
    # A column of two values has no second moment that varies.
    moments /= np.maximum(moments.std(axis=0), 1e-6)
    squares = ((moments.T @ moments / rows) ** 2).reshape(features, DEGREE, features, DEGREE)
    found: np.ndarray = squares.sum(axis=(1, 3))
    chance = (DEGREE**2 + SURE * np.sqrt(2) * DEGREE) / rows
    return np.where((found > chance) & ~np.eye(features, dtype=bool), found, 0)


def ranks(column: np.ndarray) -> np.ndarray:
    """Ranks in (−1, 1), equal numbers in the middle of theirs, ``[rows]``."""
    _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
    middles: np.ndarray = (counts.cumsum() - counts / 2) * (2 / len(column)) - 1
    return middles[inverse]


def halves(dependence: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The halves of the given sizes between which there is most dependence, as far as exchanges of two features reach.

    Arguments:
        dependence: ``[features, features]``, not negative.
        mask: ``[features]``, True for the first half: what it begins with, and keeps where nothing is better.

    References:
        An efficient heuristic procedure for partitioning graphs (Kernighan and Lin, 1970),
        https://doi.org/10.1002/j.1538-7305.1970.tb01770.x
    """
    mask = mask.copy()
    while True:
        first, second = mask.nonzero()[0], (~mask).nonzero()[0]
        # What a feature that changes sides adds to the cut: its ties with its own half, less those across.
        gain = dependence @ np.where(mask, 1.0, -1.0) * np.where(mask, 1, -1)
        exchanges = gain[first, None] + gain[second] + 2 * dependence[np.ix_(first, second)]
        at, to = np.unravel_index(exchanges.argmax(), exchanges.shape)
        if exchanges[at, to] <= 1e-9:
            return mask
        mask[first[at]], mask[second[to]] = False, True
