"""A mixture of Gaussians beside a model, with as many components as the rows are worth."""

from __future__ import annotations

__all__ = ["Mixture", "fit_mixture"]

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .gaussian import Gaussian, fit_gaussian

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

COMPONENTS = (2, 3, 4, 6, 8, 12, 16)
"""Numbers of components that are tried, beside the single Gaussian."""

ROWS_A_COMPONENT = 5
"""Rows for each feature of each component without which a number of components is not tried: a component of fewer rows
than features has a density without bound."""

FITTED_ROWS = 5000
"""Rows that a mixture is fitted on at most: seconds for ten features, and what more rows gain is in the third digit."""

PATIENCE = 2
"""Numbers of components in turn that are no better, after which no more are tried."""

LEAST_VARIANCE = 1e-4
"""Added to each component's variances, in units of the rows' own: one that closes in on a few rows judges no other."""


@dataclass(frozen=True)
class Mixture:
    """Residuals of a linear Gaussian, whitened, as a mixture of normals.

    Arguments:
        gaussian: whose mean is linear in the context.
        components: scikit-learn's mixture of the whitened residuals, or None for the Gaussian itself.
    """

    gaussian: Gaussian
    components: GaussianMixture | None

    def log_prob(self, x: np.ndarray, given: np.ndarray) -> np.ndarray:
        """The log-density ``[rows]`` of rows, in nats, at their `design`."""
        if self.components is None:
            return self.gaussian.log_prob(x, given)
        whitened = self.gaussian.residual(x, given)
        log_prob: np.ndarray = self.components.score_samples(whitened) - self.gaussian.log_volume
        return log_prob


def fit_mixture(x: np.ndarray, given: np.ndarray, weights: np.ndarray | None = None) -> Mixture | None:
    """The mixture of the least Bayesian information criterion, by scikit-learn.

    Arguments:
        x: ``[rows, features]``.
        given: the `design` of their context, in which the mean of all components is linear.
        weights: are not minded.

    Returns:
        None where a feature does not vary.

    Raises:
        ModuleNotFoundError: where scikit-learn is not installed.
    """
    from sklearn.mixture import GaussianMixture

    gaussian = fit_gaussian(x, given)
    if gaussian is None:
        return None
    whitened = gaussian.residual(x, given)
    count = min(len(whitened), FITTED_ROWS)
    whitened = whitened[np.arange(count) * len(whitened) // count]
    features = whitened.shape[1]
    single = -2 * float((-0.5 * np.square(whitened) - 0.5 * np.log(2 * np.pi)).sum())
    best: GaussianMixture | None = None
    worse = 0
    least = single + np.log(count) * features * (features + 3) / 2
    for number in COMPONENTS:
        if count < ROWS_A_COMPONENT * number * features:
            break
        tried = GaussianMixture(number, reg_covar=LEAST_VARIANCE, random_state=0).fit(whitened)
        criterion = tried.bic(whitened)
        if criterion < least:
            best, least, worse = tried, criterion, 0
        elif (worse := worse + 1) == PATIENCE:
            break
    return Mixture(gaussian, best)
