"""Rows too large for float32: they have a density of zero, and not one that is no number."""

from __future__ import annotations

__all__ = ["MOST_TEMPERATURE", "settle"]

import math
from collections.abc import Sequence
from typing import Any

MOST_TEMPERATURE = 1e6
"""The normals reach 6.66. At 2.5 million times that float32's neighbours are a standard deviation of the base apart, so
that what is drawn says nothing of the model; this is the power of ten below."""


def settle(log_prob: Any, inputs: Sequence[Any]) -> None:
    """Puts −inf where the arithmetic of a graph ran over: no row is likelier than all numbers, or not a number at all.

    A row that itself holds a NaN keeps it.

    Arguments:
        log_prob: ``[rows]`` as a graph gave it, changed in place: an array, or a tensor on a GPU.
        inputs: ``[rows, …]`` each, as they were before they were rounded.
    """
    over = ~(log_prob < math.inf)
    if not over.any():
        return
    for given in inputs:
        over &= (given == given).reshape(len(given), -1).all(1)
    log_prob[over] = -math.inf
