"""How a product's weights are kept: float32, or in fewer bits with what that costs."""

from __future__ import annotations

__all__ = ["KEPT_WHOLE", "WEIGHTS", "Stored", "Weights", "reduced", "stored"]

import dataclasses
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from flowexport.native.form import Form, Linear

Weights = Literal["float32", "float16", "int8"]
WEIGHTS: tuple[Weights, ...] = get_args(Weights)

KEPT_WHOLE = 16
"""Products of fewer inputs stay float32. They are the first of a network, see the data itself, whose tails they would
blur, and are small."""

HALF_MOST = float(np.finfo(np.float16).max)
INT8_MOST = 127

ALTERNATIONS = 10
"""After so many the scales of int8 no longer move by a part in a thousand on the zoo's networks."""


@dataclass(frozen=True, eq=False)
class Stored:
    """A matrix as it is kept, ``rows[k] · numbers[k, n] · columns[n]``.

    Arguments:
        numbers: ``[K, N]`` float32, float16 or int8.
        rows: ``[K]`` float32, and
        columns: ``[N]`` float32, of int8 alone.
    """

    numbers: np.ndarray
    rows: np.ndarray | None = None
    columns: np.ndarray | None = None

    def weights(self) -> np.ndarray:
        """The matrix that it stands for, ``[K, N]`` float32."""
        whole = self.numbers.astype(np.float32)
        if self.rows is not None and self.columns is not None:
            whole = self.rows[:, None] * whole * self.columns
        return whole


def stored(linear: Linear, kind: Weights) -> Stored:
    """The weights of a product as they are kept.

    int8 is scaled by inputs and by outputs: a flow has columns that a fold divided by a feature's deviation, and one
    scale for all would lose the others.
    """
    weights = linear.weights
    if kind == "float32" or len(weights) < KEPT_WHOLE:
        return Stored(weights)
    if kind == "float16":
        # What float16 does not hold stays as it is.
        fits = bool((np.abs(weights) <= HALF_MOST).all())
        return Stored(weights.astype(np.float16) if fits else weights)
    rows = evening(weights)
    even = weights / rows[:, None]
    columns = (np.abs(even).max(axis=0) / INT8_MOST).astype(np.float32)
    return Stored(np.rint(even / columns).clip(-INT8_MOST, INT8_MOST).astype(np.int8), rows, columns)


def evening(weights: np.ndarray) -> np.ndarray:
    """What to divide each row ``[K]`` by, so that the largest numbers of rows and of columns are alike.

    Sinkhorn's alternation with the largest number in place of the sum.
    """
    size = np.abs(weights).astype(np.float64)
    rows = np.ones(len(size))
    for _ in range(ALTERNATIONS):
        even = size / rows[:, None]
        rows *= np.sqrt((even / even.max(axis=0)).max(axis=1))
    return rows.astype(np.float32)


def reduced(form: Form, kind: Weights) -> Form:
    """The form with the weights that it has once they were kept so."""
    return dataclasses.replace(
        form,
        operations=tuple(
            dataclasses.replace(each, weights=stored(each, kind).weights()) if isinstance(each, Linear) else each
            for each in form.operations
        ),
    )
