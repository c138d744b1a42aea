"""What a flow cannot take: numbers outside its bounds, and codes of no category."""

from __future__ import annotations

__all__ = ["require_codes", "require_support", "require_within_bounds"]

from collections.abc import Sequence

import numpy as np

from flowexport.errors import DataError
from flowexport.flows import Flow

Bound = tuple[float | None, float | None]


def require_support(where: str, x: np.ndarray, bounds: Sequence[Bound], columns: Sequence[str], start: int = 1) -> None:
    """Refuses the first number that is not between its bounds; a NaN is left to others.

    Numbers are compared in float32, the type that flows are trained and run in: one that is equal to its bound there
    has a density of zero.

    Arguments:
        where: what a message begins with.
        x: ``[rows, features]``.
        bounds: (lower, upper) of each feature, None for none.
        columns: the names.
        start: the number of the first row.

    Raises:
        DataError: naming row, column and bounds.
    """
    if all(pair == (None, None) for pair in bounds):
        return
    lower, upper = (
        np.array([infinity if pair[side] is None else pair[side] for pair in bounds], np.float32)
        for side, infinity in ((0, -np.inf), (1, np.inf))
    )
    with np.errstate(over="ignore"):
        single = x.astype(np.float32)
    bad = (single <= lower) & np.isfinite(lower) | (single >= upper) & np.isfinite(upper)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        sides = [("above", bounds[column][0]), ("below", bounds[column][1])]
        support = " and ".join(f"{side} {bound:g}" for side, bound in sides if bound is not None)
        found = f"row {start + row}, column {columns[column]!r} holds {x[row, column]}"
        raise DataError(f"{found}, outside its support: it must be {support} (in float32)", file=where)


def require_within_bounds(where: str, flow: Flow, x: np.ndarray, columns: Sequence[str]) -> None:
    """`require_support` of a flow's own bounds, where it has any."""
    bounds = flow.arguments.get("bounds")
    if isinstance(bounds, list):
        require_support(where, x, [tuple(pair) for pair in bounds], columns)


def require_codes(where: str, context: np.ndarray, categories: Sequence[int], columns: Sequence[str]) -> None:
    """Refuses the first number of a column of categories that is the code of none.

    Arguments:
        where: what a message begins with.
        context: ``[rows, context]``.
        categories: their number for each column, 0 for a column of numbers.
        columns: the names.

    Raises:
        DataError: naming row, column and codes.
    """
    count = np.array(categories)
    bad = (count > 0) & ~((context >= 0) & (context < count) & (context == np.floor(context)))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        found = f"row {row + 1}, column {columns[column]!r} holds {context[row, column]}"
        raise DataError(f"{found}, not a code from 0 to {count[column] - 1}", file=where)
