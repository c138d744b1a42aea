"""Whether a classifier can tell rows from samples."""

from __future__ import annotations

__all__ = ["Separation", "separation"]

import math

import numpy as np
from msgspec import Struct

FOLDS = 5
FITTED_ROWS = 5000
"""Rows of each kind that are told apart at most: a classifier of more takes minutes."""


class Separation(Struct, frozen=True):
    """How well a classifier tells rows from samples, on rows that it was not trained on.

    Arguments:
        auc: the area under its ROC curve, the probability that it ranks a pair of both rightly: 0.5 where it cannot.
        standard_error: of that.
        rows: of each kind.
    """

    auc: float
    standard_error: float
    rows: int


def separation(data: np.ndarray, samples: np.ndarray) -> Separation:
    """Gradient-boosted trees of scikit-learn, cross-validated over five folds.

    Arguments:
        data, samples: ``[rows, columns]`` of as many rows, context included.

    Raises:
        ModuleNotFoundError: where scikit-learn is not installed.

    References:
        Revisiting classifier two-sample tests (Lopez-Paz and Oquab, 2017), https://arxiv.org/abs/1610.06545
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    count = min(len(data), len(samples), FITTED_ROWS)
    data, samples = (each[np.arange(count) * len(each) // count] for each in (data, samples))
    rows = np.concatenate([data, samples])
    label = np.repeat([0, 1], count)
    # A row and the sample of its context are of one fold: apart, the one would give the other's label away.
    fold = np.tile(np.random.default_rng(0).permutation(count) % FOLDS, 2)
    scores = []
    for index in range(FOLDS):
        fitted, judged = fold != index, fold == index
        classifier = HistGradientBoostingClassifier(random_state=0, early_stopping=False, max_iter=50)
        classifier.fit(rows[fitted], label[fitted])
        # A curve a fold: scores of classifiers that were trained on different rows are no one ranking.
        scores.append(roc_auc_score(label[judged], classifier.predict_proba(rows[judged])[:, 1]))
    auc = float(np.mean(scores))
    return Separation(auc, error_of(auc, count), count)


def error_of(auc: float, rows: int) -> float:
    """The standard error of an area under a curve of as many rows of each kind.

    References:
        Hanley and McNeil, The meaning and use of the area under a receiver operating characteristic curve (1982),
        Radiology 143, equation 1.
    """
    one, other = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (rows - 1) * (one - auc**2 + other - auc**2)
    return math.sqrt(max(0.0, variance)) / rows
