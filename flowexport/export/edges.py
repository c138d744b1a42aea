"""Rows on the edges of a density, where a graph can be wrong and every row of data be right: bounds, splines, codes."""

from __future__ import annotations

__all__ = ["EDGE", "bounded_features", "code_ends", "edge_rows", "inside", "support_of"]

from collections.abc import Iterator

import numpy as np
import torch

from flowexport.flows import Flow
from flowexport.flows.univariate import RationalQuadraticSpline

EDGE = 1e-3
"""How far from a bound a row is that stands just inside or outside, in standard deviations; tail rows stay as far."""

MOST_FEATURES = 85
"""Bounded features that have rows of their own: of more, so many evenly from all of them (three rows a bound)."""

PIXELS = 1
"""The same of images, whose pixels have one bound in common."""

FIRST_CODE_ROW = 10
"""From here on rows of context hold the first and the last code of each column of categories, two rows a column."""


def edge_rows(exact: Flow, row: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Rows just outside, on and just inside each bound of each bounded feature, and at the ends of splines.

    Arguments:
        exact: the flow, in float64.
        row: ``[*event]``, one inside the support; the others differ from it in one feature.
        mean, scale: ``[*event]``, of the data.

    Returns:
        ``[rows, *event]`` float32, no rows for a flow that has no edges.
    """
    rows = [*bound_rows(exact, row, scale), *spline_rows(exact, mean, scale)]
    return np.array(rows, np.float32).reshape(-1, *row.shape)


def support_of(exact: Flow, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The lower and the upper bound of each feature, ``[*event]``, infinite where there is none."""
    assert exact.bounds is not None
    lower, upper = (
        np.where(known.numpy(), bound.numpy(), infinity)
        for known, bound, infinity in (
            (exact.bounds.bounded_below, exact.bounds.lower, -np.inf),
            (exact.bounds.bounded_above, exact.bounds.upper, np.inf),
        )
    )
    return np.broadcast_to(lower, shape), np.broadcast_to(upper, shape)


def bounded_features(exact: Flow, shape: tuple[int, ...]) -> np.ndarray:
    """The features whose bounds have rows of their own, as positions in a flat event."""
    bounded = np.flatnonzero(np.logical_or(*(np.isfinite(bound).ravel() for bound in support_of(exact, shape))))
    most = PIXELS if exact.levels is not None else MOST_FEATURES
    return bounded if len(bounded) <= most else bounded[np.arange(most) * len(bounded) // most]


def inside(exact: Flow, rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Rows cut to the support of bounded features, a little away from the bounds."""
    if exact.bounds is None:
        return rows
    lower, upper = support_of(exact, scale.shape)
    cut: np.ndarray = np.clip(rows, lower + EDGE * scale, upper - EDGE * scale)
    return cut


def bound_rows(exact: Flow, row: np.ndarray, scale: np.ndarray) -> Iterator[np.ndarray]:
    """Three rows a bound: outside, on it, inside."""
    if exact.bounds is None:
        return
    row = inside(exact, row, scale)
    bounds = support_of(exact, row.shape)
    flat = [np.asarray(each).ravel() for each in (*bounds, scale)]
    for feature in bounded_features(exact, row.shape):
        for bound, outwards in ((flat[0][feature], -1), (flat[1][feature], 1)):
            if not np.isfinite(bound):
                continue
            on = np.float32(bound)
            for step in (outwards, 0, -outwards):
                value = np.float32(on + step * EDGE * flat[2][feature])
                if step and value == on:  # a step that float32 cannot take
                    value = np.nextafter(on, np.float32(step * np.inf))
                edge = row.astype(np.float32).ravel()
                edge[feature] = value
                yield edge.reshape(row.shape)


def spline_rows(exact: Flow, mean: np.ndarray, scale: np.ndarray) -> Iterator[np.ndarray]:
    """Rows that meet the first splines at their ends, where they go over to the identity: outside, on, inside."""
    if exact.standardize is None:
        return
    ends = {each.bound for each in exact.modules() if isinstance(each, RationalQuadraticSpline)}
    for end in sorted(ends):
        for side in (-1.0, 1.0):
            for step in (1 + EDGE, 1.0, 1 - EDGE):
                u = exact.standardize.inverse(torch.full((1, *mean.shape), side * end * step, dtype=torch.float64))
                x = u if exact.bounds is None else exact.bounds.inverse_and_log_det(u)[0]
                yield inside(exact, np.clip(x.numpy()[0], -1e30, 1e30), scale)


def code_ends(exact: Flow, context: np.ndarray) -> np.ndarray:
    """Rows of context ``[rows, context]`` in which the first and the last code of every column of categories occur."""
    context = context.copy()
    categories = exact.encoder.categories if exact.encoder is not None else ()
    row = FIRST_CODE_ROW
    for column, count in enumerate(categories):
        if count and row + 2 <= len(context):
            context[row : row + 2, column] = 0, count - 1
            row += 2
    return context
