"""The covariance that a flow starts from: that of the rows, shrunk where there are few of them."""

from __future__ import annotations

__all__ = ["root_of_covariance"]

import numpy as np

FLOOR = 1e-6
"""Least share of the unit matrix where columns are collinear: the inverse root is then at most 1,000, which costs
float32 four of its seven digits."""

SHARES = (0.0, FLOOR, 1e-5, 1e-4, *np.geomspace(1e-3, 1, 31))
"""Shares of the unit matrix that are tried: 200 features lose 0.4 nats where they are a factor of three apart."""

MANY = 100
"""Rows a feature from which on there is nothing to gain by shrinking: 1 / 200 of a nat a feature at most."""


def root_of_covariance(u: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    r"""The lower root of the covariance of standardised rows, shrunk towards the unit matrix.

    .. math:: L L^\top = (1 - a) \, S + a I

    The share a is the one by which each row is likeliest under the Gaussian of all others. Without that a Gaussian of
    few rows, or of collinear columns, is surer of them than of any other row: 500 rows of 200 features cost 100 nats.

    Arguments:
        u: ``[rows, features]`` with mean 0 and deviation 1.
        weights: ``[rows]``, not negative.

    Returns:
        ``[features, features]``.

    References:
        Covariance matrix estimation and classification with limited training data (Hoffbeck and Landgrebe, 1996),
        https://doi.org/10.1109/34.506799
    """
    rows, features = u.shape
    share = np.full(rows, 1 / rows) if weights is None else weights / weights.sum()
    covariance = (u * share[:, None]).T @ u
    effective = 1 / float((share**2).sum())
    values, vectors = np.linalg.eigh(covariance)
    shares = [a for a in SHARES if a > 0 or values[0] > FLOOR]
    if effective < MANY * features:
        squares = (u @ vectors) ** 2
        best = min(shares, key=lambda a: left_out_nll(squares, share, values, effective, a))
    else:
        best = shares[0]
    root: np.ndarray = np.linalg.cholesky((1 - best) * covariance + best * np.eye(features))
    return root


def left_out_nll(squares: np.ndarray, share: np.ndarray, values: np.ndarray, rows: float, shrinkage: float) -> float:
    """The mean NLL of each row under the shrunk Gaussian of the others, in nats, up to a constant.

    Without row u the mean is −u / (n − 1) and the covariance n / (n − 1) S − n / (n − 1)² u uᵀ: one inverse and the
    formulas of Sherman and Morrison do for all rows. Shrinking leaves the axes of the covariance as they are.

    Arguments:
        squares: ``[rows, features]``, of the rows along these axes.
        share: ``[rows]``, the weight of each, in all 1.
        values: ``[features]``, the variances along the axes.
        rows: what the weights are worth.
        shrinkage: the share of the unit matrix.
    """
    if rows <= 2:
        return -shrinkage
    without = rows / (rows - 1)
    values = (1 - shrinkage) * without * values + shrinkage
    if values.min() <= 0:
        return np.inf
    distance = (squares / values).sum(axis=1)
    left = 1 - (1 - shrinkage) * without / (rows - 1) * distance
    seen = share > 0
    if (left[seen] <= 0).any():
        return np.inf
    distance, left = distance[seen], left[seen]
    nlls = 0.5 * (np.log(values).sum() + np.log(left) + without**2 * distance / left)
    return float((share[seen] * nlls).sum())
