"""Simple densities beside a model, fitted on other rows than they are judged on."""

from __future__ import annotations

__all__ = ["Density", "Fit", "Sample", "cross_fitted", "thinned"]

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

FOLDS = 5
"""Parts of which each is judged by what was fitted on the others."""

FITTED_NUMBERS = 20_000_000
"""Numbers of rows and their contexts that a simple density is fitted on at most: 160 MB in float64."""


class Density(Protocol):
    """A log-density of rows, given what the mean is linear in."""

    def log_prob(self, x: np.ndarray, given: np.ndarray) -> np.ndarray:
        """``[rows, features]`` and their `design` → ``[rows]`` nats."""


@dataclass(frozen=True)
class Sample:
    """Rows of a table.

    Arguments:
        x: ``[rows, features]`` float64.
        given: the `design` of their context, ``[rows, 1 + …]``.
        weights: ``[rows]``, or None where all count the same.
    """

    x: np.ndarray
    given: np.ndarray
    weights: np.ndarray | None = None

    @property
    def arguments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """As a fit takes them."""
        return self.x, self.given, self.weights

    def take(self, chosen: np.ndarray) -> Sample:
        """Some of the rows."""
        weights = None if self.weights is None else self.weights[chosen]
        return replace(self, x=self.x[chosen], given=self.given[chosen], weights=weights)


Fit = Callable[[np.ndarray, np.ndarray, "np.ndarray | None"], "Density | None"]
"""Rows, their design and their weights → a density; None where none fits them."""


def thinned(rows: Sample, numbers: int = FITTED_NUMBERS) -> Sample:
    """As many of the rows, evenly from all of them, as have so many numbers; all of them where they have fewer."""
    count = max(2, numbers // (rows.x.shape[1] + rows.given.shape[1]))
    return rows if len(rows.x) <= count else rows.take(np.arange(count) * len(rows.x) // count)


def cross_fitted(fit: Fit, rows: Sample) -> np.ndarray | None:
    """The log_prob of each row under a density fitted on the other folds, ``[rows]`` nats.

    Returns:
        None where there are fewer than two rows, or the density cannot be fitted on some folds.
    """
    if len(rows.x) < 2:
        return None
    fold = np.arange(len(rows.x)) % min(FOLDS, len(rows.x))
    # Neighbours in a table are often alike, and would tell of each other; the same folds every time.
    fold = np.random.default_rng(0).permutation(fold)
    log_prob = np.empty(len(rows.x))
    for index in range(fold.max() + 1):
        judged = fold == index
        fitted = fit(*thinned(rows.take(~judged)).arguments)
        if fitted is None:
            return None
        log_prob[judged] = fitted.log_prob(rows.x[judged], rows.given[judged])
    return log_prob
