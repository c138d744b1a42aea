"""A mean over rows, and how far it may be off."""

from __future__ import annotations

__all__ = ["Estimate", "bits", "mean_of", "nll_of"]

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A mean over rows.

    Arguments:
        mean: of the rows; infinite where one of them is.
        standard_error: the standard deviation of such a mean over other rows of the same kind, or None where it
            cannot be told: of a single row, or an infinite mean.
    """

    mean: float
    standard_error: float | None


def mean_of(values: np.ndarray, weights: np.ndarray | None = None) -> Estimate:
    r"""The weighted mean :math:`m = \sum w v / \sum w` of values ``[rows]``.

    Its standard error is :math:`\sqrt{\frac{n}{n-1} \sum w^2 (v - m)^2} / \sum w`, which is :math:`s / \sqrt n` where
    all weights are equal; n counts the rows whose weight is not zero.

    References:
        W. G. Cochran, Sampling Techniques (1977), section 6.3: the ratio estimate.
    """
    weights = np.ones(len(values)) if weights is None else weights
    values, weights = values[weights > 0].astype(np.float64), weights[weights > 0]
    mean = float(np.average(values, weights=weights))
    count = len(values)
    if count < 2 or not math.isfinite(mean):
        return Estimate(mean, None)
    spread = float(np.sqrt(np.sum((weights * (values - mean)) ** 2)) / weights.sum())
    return Estimate(mean, spread * math.sqrt(count / (count - 1)))


def nll_of(log_prob: np.ndarray, weights: np.ndarray | None = None) -> Estimate:
    """The negative log-likelihood of rows, nats a row, from their log_prob ``[rows]``."""
    return mean_of(-np.asarray(log_prob, np.float64), weights)


def bits(nats: float) -> float:
    """Nats as bits."""
    return nats / math.log(2)
