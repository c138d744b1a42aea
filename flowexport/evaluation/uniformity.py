"""Kolmogorov–Smirnov: how far the distribution of numbers is from the normal's, or from that of other numbers."""

from __future__ import annotations

__all__ = ["Distance", "from_normal", "normal_cdf", "two_samples"]

import math

import numpy as np
from msgspec import Struct

TERMS = 100
"""Of the series of Kolmogorov's distribution: enough for every λ above 0.2, below which the probability is 1."""


class Distance(Struct, frozen=True):
    """The largest distance of two distribution functions.

    Arguments:
        statistic: from 0 to 1.
        p_value: the probability of such a distance, or a larger one, between rows of one and the same distribution.
    """

    statistic: float
    p_value: float


def normal_cdf(values: np.ndarray) -> np.ndarray:
    """Φ of each number."""
    cdf: np.ndarray = 0.5 * np.vectorize(math.erfc, otypes=[np.float64])(-values / math.sqrt(2))
    return cdf


def from_normal(values: np.ndarray) -> Distance:
    """The distance of numbers ``[rows]`` from the standard normal."""
    cdf = normal_cdf(np.sort(values))
    steps = np.arange(len(cdf) + 1) / len(cdf)
    statistic = float(max((steps[1:] - cdf).max(), (cdf - steps[:-1]).max()))
    return Distance(statistic, p_value(statistic, len(cdf)))


def two_samples(one: np.ndarray, other: np.ndarray) -> Distance:
    """The distance of the distributions of numbers ``[rows]`` and ``[other rows]``."""
    every = np.concatenate([one, other])
    shares = (np.searchsorted(np.sort(each), every, side="right") / len(each) for each in (one, other))
    statistic = float(np.abs(np.subtract(*shares)).max())
    return Distance(statistic, p_value(statistic, len(one) * len(other) / (len(one) + len(other))))


def p_value(statistic: float, rows: float) -> float:
    r"""The probability of a distance, with the approximation of Stephens.

    .. math:: 2 \sum_k (-1)^{k-1} e^{-2 k^2 \lambda^2}, \quad \lambda = (\sqrt n + 0.12 + 0.11 / \sqrt n) D

    References:
        M. A. Stephens, Use of the Kolmogorov-Smirnov, Cramér-von Mises and related statistics without extensive tables,
        Journal of the Royal Statistical Society B 32 (1970), 115-122.
    """
    root = math.sqrt(rows)
    scaled = (root + 0.12 + 0.11 / root) * statistic
    if scaled < 0.2:
        return 1.0
    k = np.arange(1, TERMS + 1)
    return float(np.clip(2 * np.sum((-1.0) ** (k - 1) * np.exp(-2 * (k * scaled) ** 2)), 0, 1))
