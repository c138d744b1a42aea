"""Every function of the form in numpy: what constants fold by, and what the interpreter computes with."""

from __future__ import annotations

__all__ = ["FOLDS"]

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]
ONE = np.float32(1)


def truth(answer: object) -> Array:
    """1 where it holds, 0 where it does not."""
    return np.asarray(answer, np.float32)


def chosen(condition: ArrayLike, a: ArrayLike, b: ArrayLike) -> Array:
    """One of two, by what holds."""
    result: Array = np.where(np.asarray(condition), a, b)
    return result


FOLDS: dict[str, Callable[..., Array]] = {
    "abs": np.abs,
    "add": np.add,
    "div": np.divide,
    "eq": lambda a, b: truth(a == b),
    "exp": np.exp,
    "ge": lambda a, b: truth(a >= b),
    "gt": lambda a, b: truth(a > b),
    "le": lambda a, b: truth(a <= b),
    "log": np.log,
    "lt": lambda a, b: truth(a < b),
    "max": lambda a, b: chosen(a < b, b, a),
    "min": lambda a, b: chosen(a > b, b, a),
    "mul": np.multiply,
    "neg": np.negative,
    "relu": lambda a: chosen(a < 0, np.float32(0), a),
    "sigmoid": lambda a: ONE / (ONE + np.exp(-a)),
    "softsign": lambda a: a / (ONE + np.abs(a)),
    "sqrt": np.sqrt,
    "sub": np.subtract,
    "where": lambda condition, a, b: chosen(condition != 0, a, b),
}
"""Function of `flowexport.native.form.FUNCTIONS` → what it is, in float32."""
