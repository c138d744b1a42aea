"""What a flow cannot take: numbers outside its bounds, and codes of no category."""

from __future__ import annotations

__all__ = ["require_codes", "require_support"]

from collections.abc import Sequence

import numpy as np

from flowexport.column import Column
from flowexport.errors import DataError, InputError
from flowexport.runtime import categories


def require_support(where: str, x: np.ndarray, columns: Sequence[Column], start: int = 1) -> None:
    """Refuses the first number that is not between its bounds; a NaN is left to others.

    Numbers are compared in float32, the type that flows are trained and run in: one that is equal to its bound there
    has a density of zero.

    Arguments:
        where: what a message begins with.
        x: ``[rows, features]``.
        columns: the features.
        start: the number of the first row.

    Raises:
        DataError: naming row, column and bounds.
    """
    if all(column.bounds == (None, None) for column in columns):
        return
    # None becomes NaN, which nothing is beyond.
    lower, upper = np.array([column.bounds for column in columns], np.float32).T
    with np.errstate(over="ignore"):
        single = x.astype(np.float32)
    bad = (single <= lower) | (single >= upper)
    if bad.any():
        row, place = np.argwhere(bad)[0]
        sides = zip(("above", "below"), columns[place].bounds, strict=True)
        support = " and ".join(f"{side} {bound:g}" for side, bound in sides if bound is not None)
        found = f"row {start + row}, column {columns[place].name!r} holds {x[row, place]}"
        raise DataError(f"{found}, outside its support: it must be {support} (in float32)", file=where)


def require_codes(context: np.ndarray, columns: Sequence[Column]) -> None:
    """Refuses the first number of ``context [rows, columns]`` that should be the code of a category, and is of none.

    Raises:
        DataError: naming row, column and codes.
    """
    try:
        categories.require_codes(columns, context)
    except InputError as error:
        raise error.told(DataError) from error
