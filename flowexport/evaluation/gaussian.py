"""The density to beat: a Gaussian, whose mean is linear in the context where there is one."""

from __future__ import annotations

__all__ = ["Gaussian", "design", "fit_gaussian"]

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SHRINKAGES = (0.0, 1e-3, 0.01, 0.03, 0.1, 0.3, 0.6, 1.0)
"""Shares of the covariance's off-diagonal numbers that are taken away, of which the likelihood of a fifth of the rows
chooses one: a covariance of few rows is too sure of its correlations."""

AMPLE_ROWS = 50
"""Rows a feature from which on nothing is shrunk: what d (d + 3) / 2 estimated numbers cost, (d + 3) / 4n nats a
feature, is then below d / 200."""


def design(context: np.ndarray | None, rows: int, categories: Sequence[int] = ()) -> np.ndarray:
    """What the mean is linear in: a one, the numbers of the context, and a one-hot row for each of its categories.

    Arguments:
        context: ``[rows, context]`` numbers and codes, or None.
        rows: how many.
        categories: of each column of the context; 0, or nothing at all, for numbers.

    Returns:
        ``[rows, 1 + …]``.
    """
    columns = [np.ones((rows, 1))]
    for index in range(0 if context is None else context.shape[1]):
        assert context is not None
        column = context[:, index, None].astype(np.float64)
        count = categories[index] if index < len(categories) else 0
        columns.append(np.equal(column, np.arange(count)).astype(np.float64) if count else column)
    return np.hstack(columns)


@dataclass(frozen=True)
class Gaussian:
    """x given the context ~ N(design @ coefficients, covariance).

    Arguments:
        coefficients: ``[1 + …, features]``.
        scale: ``[features]``, a unit for each feature.
        factor: ``[features, features]``, the lower Cholesky factor of the covariance in those units.
        shrinkage: the share of the correlations that was taken away.
        rows: that it was fitted on.
    """

    coefficients: np.ndarray
    scale: np.ndarray
    factor: np.ndarray
    shrinkage: float
    rows: int

    def residual(self, x: np.ndarray, given: np.ndarray) -> np.ndarray:
        """Rows ``[rows, features]`` without their mean, whitened: independent standard normals if the model is true."""
        plain = (x - given @ self.coefficients) / self.scale
        whitened: np.ndarray = np.linalg.solve(self.factor, plain.T).T
        return whitened

    @property
    def log_volume(self) -> float:
        """ln |det ∂x / ∂residual|."""
        return float(np.log(np.diag(self.factor)).sum() + np.log(self.scale).sum())

    def log_prob(self, x: np.ndarray, given: np.ndarray) -> np.ndarray:
        """The log-density ``[rows]`` of rows, in nats, at their `design`."""
        whitened = self.residual(x, given)
        constant = 0.5 * x.shape[1] * math.log(2 * math.pi) + self.log_volume
        log_prob: np.ndarray = -0.5 * np.square(whitened).sum(axis=1) - constant
        return log_prob


def fit_gaussian(
    x: np.ndarray, given: np.ndarray, weights: np.ndarray | None = None, shrinkages: Sequence[float] = SHRINKAGES
) -> Gaussian | None:
    """The Gaussian of greatest likelihood, its correlations shrunk where there are few rows for them.

    Arguments:
        x: ``[rows, features]``.
        given: the `design` of their context.
        weights: ``[rows]``, not negative.
        shrinkages: to choose from, by the likelihood of every fifth row under a fit of the others.

    Returns:
        None where a feature does not vary, or no covariance is positive.
    """
    weights = np.ones(len(x)) if weights is None else weights
    if len(x) >= AMPLE_ROWS * x.shape[1] or len(shrinkages) == 1:
        found = shrunk(x, given, weights, shrinkages[:1])
        if found:
            return found[0]
    probe = np.arange(len(x)) % 5 == 4
    tried = shrunk(x[~probe], given[~probe], weights[~probe], shrinkages) if probe.any() else []
    scores = {each.shrinkage: float(weights[probe] @ each.log_prob(x[probe], given[probe])) for each in tried}
    best = max(scores, key=scores.__getitem__, default=shrinkages[-1])
    return next(iter(shrunk(x, given, weights, [best])), None)


def shrunk(x: np.ndarray, given: np.ndarray, weights: np.ndarray, shrinkages: Sequence[float]) -> list[Gaussian]:
    """The Gaussian of rows at each shrinkage at which its covariance is positive."""
    root = np.sqrt(weights)[:, None]
    mean = np.average(x, axis=0, weights=weights)
    deviation = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weights))
    if not (np.isfinite(deviation).all() and (deviation > 0).all()):
        return []
    # In units of a deviation, and columns of the context of their largest: a table may mix 1e-9 and 1e9.
    z = (x - mean) / deviation
    units = np.abs(given).max(axis=0)
    units[units == 0] = 1
    coefficients = np.linalg.lstsq(root * given / units, root * z, rcond=None)[0]
    residual = z - given / units @ coefficients
    spread = np.sqrt(np.average(residual**2, axis=0, weights=weights))
    if not (spread > 0).all():
        return []
    residual /= spread
    correlation = (weights[:, None] * residual).T @ residual / weights.sum()
    back = coefficients / units[:, None] * deviation
    back[0] += mean
    found = []
    for share in shrinkages:
        try:
            factor = np.linalg.cholesky((1 - share) * correlation + share * np.eye(len(correlation)))
        except np.linalg.LinAlgError:
            continue
        found.append(Gaussian(back, spread * deviation, factor, share, int((weights > 0).sum())))
    return found
