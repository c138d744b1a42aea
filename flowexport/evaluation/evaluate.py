"""Everything that is to be known of a model's quality on rows, as one document of figures."""

from __future__ import annotations

__all__ = ["Beside", "Evaluation", "Feature", "Judged", "Measured", "evaluate"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from msgspec import Struct

from .baselines import Fit, Sample, cross_fitted, thinned
from .classifier import Separation, separation
from .estimate import Estimate, bits, mean_of, nll_of
from .gaussian import design, fit_gaussian
from .mixture import fit_mixture
from .uniformity import Distance, from_normal, two_samples

SAMPLED_ROWS = 10_000
"""Samples that are drawn beside the rows, at the contexts of these."""

NEEDS_SKLEARN = "needs scikit-learn: pip install 'flowexport[evaluate]'"


class Judged(Protocol):
    """A model: a bundle, or the flow of a run folder."""

    @property
    def name(self) -> str:
        """Of the model."""

    @property
    def features(self) -> Sequence[str]:
        """The names of its columns."""

    @property
    def categories(self) -> Sequence[int]:
        """How many each column of the context has; 0 for numbers."""

    @property
    def log_prob(self) -> Callable[[np.ndarray, np.ndarray | None], np.ndarray]:
        """``[rows, features]`` and ``[rows, context]`` → ``[rows]`` nats."""

    def sample(self, count: int, context: np.ndarray | None, seed: int) -> np.ndarray:
        """``[count, features]``, one for each context ``[count, context]`` where there is one."""


class Nll(Struct, frozen=True):
    """A negative log-likelihood, nats and bits a row; null where a row has no density."""

    nats: float | None
    bits: float | None
    standard_error: float | None


class Beside(Struct, frozen=True, omit_defaults=True):
    """Another density on the same rows.

    Arguments:
        name: of it.
        nll: null where it could not be had.
        difference: its NLL less the model's, nats a row, row by row: above 0 the model is better.
        standard_error: of the difference.
        fitted_on: which rows.
        reason: why it could not be had.
    """

    name: str
    nll: Nll | None = None
    difference: float | None = None
    standard_error: float | None = None
    fitted_on: str | None = None
    reason: str | None = None


class Feature(Struct, frozen=True):
    """A feature of rows and of samples.

    Arguments:
        distance: of the two distributions.
    """

    name: str
    data_mean: float
    data_deviation: float
    sample_mean: float
    sample_deviation: float
    distance: Distance


class Evaluation(Struct, frozen=True):
    """The figures of a model on rows.

    Arguments:
        rows, rows_are: how many, and where they come from.
        rows_without_density: how many have a density of zero, outside the bounds of a feature.
        nll: the mean of −log_prob.
        bits_per_dimension: the same, of images.
        beside: a Gaussian, a mixture, and another model where one is compared.
        latent: the distance of each coordinate of the latent from the normal, null with ``latent_reason``.
        features: each of rows and of samples.
        separation: of rows and samples, by a classifier; null with ``separation_reason``.
        reference_rows, below_reference: how many reference rows there are, and how many rows are less likely than all.
    """

    model: str
    rows: int
    rows_are: str
    rows_without_density: int
    nll: Nll
    bits_per_dimension: float | None
    beside: list[Beside]
    latent: list[Distance] | None
    latent_reason: str | None
    features: list[Feature]
    separation: Separation | None
    separation_reason: str | None
    reference_rows: int | None
    below_reference: int | None


@dataclass(frozen=True)
class Measured:
    """An evaluation, and the arrays that its pictures are drawn from.

    Arguments:
        figures: the evaluation.
        x, samples: ``[rows, features]``.
        log_prob, sample_log_prob: nats of each row.
        latent: ``[rows, features]``, or None.
    """

    figures: Evaluation
    x: np.ndarray
    samples: np.ndarray
    log_prob: np.ndarray
    sample_log_prob: np.ndarray
    latent: np.ndarray | None


def evaluate(
    model: Judged,
    x: np.ndarray,
    context: np.ndarray | None = None,
    *,
    rows_are: str = "rows",
    fitted_on: tuple[np.ndarray, np.ndarray | None, str] | None = None,
    other: np.ndarray | None = None,
    other_name: str = "",
    latent: np.ndarray | None = None,
    latent_reason: str | None = None,
    lowest: tuple[float, int] | None = None,
    levels: int | None = None,
    seed: int = 0,
) -> Measured:
    """Judges a model on rows that it was not trained on.

    Arguments:
        model: what is judged.
        x, context: the rows, ``[rows, features]`` and ``[rows, context]``, at least two.
        rows_are: where they come from, in words.
        fitted_on: other rows, their context, and what they are, on which the Gaussian and the mixture are fitted;
            without them both are cross-fitted over five folds of the rows.
        other, other_name: the log_prob of the rows under another model, ``[rows]``.
        latent: the rows as standard normals, if the model is true; or ``latent_reason``, why there are none.
        lowest: the lowest reference score, and the number of reference rows.
        levels: of the pixels, where rows are images; features and samples are then compared in whole numbers.
        seed: of the samples.
    """
    log_prob = np.asarray(model.log_prob(x, context), np.float64)
    rows = Sample(x, design(context, len(x), model.categories))
    beside = [
        simple("Gaussian", fit_gaussian, rows, fitted_on, model.categories, log_prob),
        simple("mixture of Gaussians", fit_mixture, rows, fitted_on, model.categories, log_prob),
    ]
    if other is not None:
        beside.append(compared(other_name, np.asarray(other, np.float64), log_prob, None))
    count = min(len(x), SAMPLED_ROWS)
    chosen = np.arange(count) * len(x) // count
    given = None if context is None else context[chosen]
    samples = model.sample(count, given, seed)
    # Of images what is seen is compared: whole numbers, and not the noise within one.
    seen, seen_samples = (np.clip(np.floor(each), 0, levels - 1) if levels else each for each in (x, samples))
    found, reason = told_apart(seen[chosen], seen_samples, given)
    nll = nll_of(log_prob)
    figures = Evaluation(
        model=model.name,
        rows=len(x),
        rows_are=rows_are,
        rows_without_density=int(np.isneginf(log_prob).sum()),
        nll=as_nll(nll),
        bits_per_dimension=bits(nll.mean) / x.shape[1] if levels and np.isfinite(nll.mean) else None,
        beside=beside,
        latent=None if latent is None else [from_normal(column) for column in latent.T],
        latent_reason=latent_reason,
        features=[
            feature_of(name, *columns) for name, *columns in zip(model.features, seen.T, seen_samples.T, strict=True)
        ],
        separation=found,
        separation_reason=reason,
        reference_rows=None if lowest is None else lowest[1],
        below_reference=None if lowest is None else int((log_prob < lowest[0]).sum()),
    )
    return Measured(figures, x, samples, log_prob, np.asarray(model.log_prob(samples, given), np.float64), latent)


def feature_of(name: str, data: np.ndarray, samples: np.ndarray) -> Feature:
    """A feature's rows beside its samples; their distance is that of numbers as float32 has them."""
    distance = two_samples(data.astype(np.float32), samples.astype(np.float32))
    means = (float(each.mean()) for each in (data, samples))
    deviations = (float(each.std(dtype=np.float64)) for each in (data, samples))
    (of_data, of_samples), (data_deviation, sample_deviation) = means, deviations
    return Feature(name, of_data, data_deviation, of_samples, sample_deviation, distance)


def simple(
    name: str,
    fit: Fit,
    rows: Sample,
    fitted_on: tuple[np.ndarray, np.ndarray | None, str] | None,
    categories: Sequence[int],
    log_prob: np.ndarray,
) -> Beside:
    """A simple density on the rows, or why it cannot be had."""
    try:
        if fitted_on is None:
            where = "other folds of these rows"
            found = cross_fitted(fit, rows)
        else:
            x, context, where = fitted_on
            density = fit(*thinned(Sample(x, design(context, len(x), categories))).arguments)
            found = None if density is None else density.log_prob(rows.x, rows.given)
    except ModuleNotFoundError:
        return Beside(name, reason=NEEDS_SKLEARN)
    if found is None:
        return Beside(name, reason="cannot be fitted: too few rows, or a column that does not vary")
    return compared(name, found, log_prob, where)


def compared(name: str, other: np.ndarray, log_prob: np.ndarray, fitted_on: str | None) -> Beside:
    """Another density's log_prob ``[rows]`` beside the model's, row by row."""
    with np.errstate(invalid="ignore"):
        difference = mean_of(log_prob - other)
    known = np.isfinite(difference.mean)
    return Beside(
        name,
        as_nll(nll_of(other)),
        difference.mean if known else None,
        difference.standard_error if known else None,
        fitted_on,
    )


def told_apart(x: np.ndarray, samples: np.ndarray, context: np.ndarray | None) -> tuple[Separation | None, str | None]:
    """Whether a classifier tells rows from samples at the same contexts, or why there is none."""
    if len(x) < 50:
        return None, "needs 50 rows"
    columns = [] if context is None else [context]
    try:
        # Rows rounded as samples are: float32 against float64 would be told by the digits alone.
        return separation(*(np.hstack([each.astype(np.float32), *columns]) for each in (x, samples))), None
    except ModuleNotFoundError:
        return None, NEEDS_SKLEARN


def as_nll(estimate: Estimate) -> Nll:
    """An estimate in nats and bits."""
    if not np.isfinite(estimate.mean):
        return Nll(None, None, None)
    return Nll(estimate.mean, bits(estimate.mean), estimate.standard_error)
