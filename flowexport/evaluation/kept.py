"""What a bundle keeps of how good its model is."""

from __future__ import annotations

__all__ = ["quality_of", "ranges_of"]

import math
from typing import Literal

import numpy as np

from flowexport.bundle.schema import Quality

from .baselines import Sample, cross_fitted, thinned
from .estimate import nll_of
from .gaussian import fit_gaussian

DIGITS = 6
"""Significant digits that are kept: more would say something of the machine."""

GAUSSIAN_FEATURES = 1024
"""More features than this have no Gaussian beside them: its covariance would take longer than the proof."""


def quality_of(
    log_prob: np.ndarray,
    rows: Sample,
    judged_on: Literal["held-out rows", "training rows", "given rows"],
    training: Sample | None = None,
) -> Quality | None:
    """The NLL of a model on rows beside that of a Gaussian on the same rows.

    Arguments:
        log_prob: the model's log-density of each row, ``[rows]`` nats.
        rows: that are judged on.
        judged_on: what they are to the model.
        training: the rows that the model was trained on, for the Gaussian; without them it is cross-fitted.

    Returns:
        None where the NLL is infinite, which is no number that JSON has.
    """
    nll = nll_of(log_prob, rows.weights)
    if not math.isfinite(nll.mean):
        return None
    gaussian = None
    if rows.x.shape[1] > GAUSSIAN_FEATURES:
        pass
    elif training is None:
        gaussian = cross_fitted(fit_gaussian, rows)
    else:
        fitted = fit_gaussian(*thinned(training).arguments)
        gaussian = None if fitted is None else fitted.log_prob(rows.x, rows.given)
    of_gaussian = math.nan if gaussian is None else nll_of(gaussian, rows.weights).mean
    known = math.isfinite(of_gaussian)
    return Quality(
        judged_on=judged_on,
        rows=len(rows.x),
        nll=rounded(nll.mean),
        standard_error=None if nll.standard_error is None else rounded(nll.standard_error),
        training_rows=None if training is None else len(training.x),
        gaussian_nll=rounded(of_gaussian) if known else None,
        gaussian_fitted_on=("folds" if training is None else "training rows") if known else None,
        ranges=ranges_of(rows.x if training is None else training.x),
    )


def ranges_of(x: np.ndarray) -> list[tuple[float, float]]:
    """The least and the greatest value of each feature of ``[rows, features]``."""
    return list(zip(x.min(axis=0).tolist(), x.max(axis=0).tolist(), strict=True))


def rounded(value: float) -> float:
    """To `DIGITS` significant digits."""
    return float(f"{value:.{DIGITS}g}")
