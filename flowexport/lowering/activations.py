"""Activations in numpy, by the names that flows know them by."""

from __future__ import annotations

__all__ = ["ACTIVATIONS", "sigmoid", "softplus", "softsign"]

import math
from collections.abc import Callable

import numpy as np

from .program import Array

LEAK = 0.01
"""The slope of LeakyReLU below zero, torch's own."""


def sigmoid(x: Array) -> Array:
    """1 / (1 + e⁻ˣ)."""
    return 1 / (1 + np.exp(-x))


def softplus(x: Array) -> Array:
    """ln(1 + eˣ)."""
    result: Array = np.logaddexp(x, np.zeros_like(x))
    return result


def softsign(x: Array) -> Array:
    """x / (1 + |x|)."""
    result: Array = x / (1 + np.abs(x))
    return result


def erf(x: Array) -> Array:
    """The error function, which numpy does not have."""
    return np.array([math.erf(each) for each in x.ravel()], x.dtype).reshape(x.shape)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "ELU": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "GELU": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
    "LeakyReLU": lambda x: np.where(x > 0, x, LEAK * x),
    "ReLU": lambda x: np.maximum(x, 0),
    "SiLU": lambda x: x * sigmoid(x),
    "Softplus": softplus,
    "Tanh": np.tanh,
}
