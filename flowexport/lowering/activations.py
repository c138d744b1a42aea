"""Activations in numpy, by the names that flows know them by."""

from __future__ import annotations

__all__ = ["ACTIVATIONS", "SMOOTH", "activated", "off", "rounded", "sigmoid", "softplus", "softsign"]

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

OF_RUNTIMES = 2.0**-22
"""How far a smooth activation of a number of up to one may be from what it is; of larger ones so much of them.

ONNX Runtime 1.31 on a processor, whose formulas the browser's has too: 1.4e-7 for Sigmoid anywhere from -10 to 10,
2.7e-7 for Tanh."""

SMOOTH = ACTIVATIONS.keys() - {"LeakyReLU", "ReLU"}


def activated(name: str, x: Array) -> Array:
    """An activation by its name."""
    return ACTIVATIONS[name](x)


def rounded(name: str, x: Array, draw: np.random.Generator) -> Array:
    """The same as some runtime may have it in float32, at random."""
    y = ACTIVATIONS[name](x)
    return y + off(x, draw) if name in SMOOTH else y


def off(x: Array, draw: np.random.Generator) -> Array:
    """How far some runtime may be off at numbers, at random."""
    return (OF_RUNTIMES * draw.uniform(-1, 1, x.shape) * np.maximum(np.abs(x), 1)).astype(x.dtype)
