"""The Gaussian beside a model is the one of greatest likelihood, and is never fitted on the rows that it judges."""

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from flowexport.evaluation import Sample, cross_fitted, design, fit_gaussian, mean_of, nll_of
from flowexport.evaluation.baselines import thinned

COVARIANCE = np.array([[4.0, 1.2, 0.0], [1.2, 1.0, -0.3], [0.0, -0.3, 9.0]])
ENTROPY = 0.5 * np.log(np.linalg.det(2 * math.pi * math.e * COVARIANCE))


def normal_rows(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).multivariate_normal([1.0, -2.0, 50.0], COVARIANCE, count)


def test_it_is_the_normal_of_the_rows_mean_and_covariance() -> None:
    x = normal_rows(1000)
    found = fit_gaussian(x, design(None, len(x)), shrinkages=(0.0,))
    expected = multivariate_normal(x.mean(0), np.cov(x.T, bias=True)).logpdf(x)
    np.testing.assert_allclose(found.log_prob(x, design(None, len(x))), expected, rtol=0, atol=1e-10)


def test_its_nll_on_new_rows_is_the_entropy_of_a_true_gaussian() -> None:
    fitted = fit_gaussian(normal_rows(200_000), np.ones((200_000, 1)))
    judged = nll_of(fitted.log_prob(normal_rows(100_000, 1), np.ones((100_000, 1))))
    assert abs(judged.mean - ENTROPY) < 4 * judged.standard_error
    # The variance of ½ χ² with three degrees of freedom is 3 / 2.
    assert judged.standard_error == pytest.approx(math.sqrt(1.5 / 100_000), rel=0.02)


def test_mixed_units_cost_no_digit() -> None:
    """Only the logarithm of the units is added where columns are of 1e-9, 1 and 1e9."""
    x, units = normal_rows(1000), np.array([1e-9, 1.0, 1e9])
    ones = np.ones((1000, 1))
    plain, scaled = fit_gaussian(x, ones).log_prob(x, ones), fit_gaussian(x * units, ones).log_prob(x * units, ones)
    np.testing.assert_allclose(scaled, plain - np.log(units).sum(), rtol=0, atol=1e-9)


def test_its_mean_is_linear_in_the_context_and_free_in_each_category() -> None:
    rng = np.random.default_rng(2)
    number, code = rng.uniform(10, 20, 4000), rng.integers(0, 3, 4000)
    means = np.array([[0.0, 5.0], [-7.0, 1.0], [2.0, 2.0]])
    x = means[code] + number[:, None] * [0.5, -1.0] + 0.1 * rng.normal(size=(4000, 2))
    context = np.stack([number, code], axis=1)
    given = design(context, 4000, [0, 3])
    assert given.shape == (4000, 5)
    # One column of ones and three of categories leave one direction free; predictions are not.
    residual = x - given @ fit_gaussian(x, given).coefficients
    truth = x - means[code] - number[:, None] * [0.5, -1.0]
    assert np.abs(residual - truth).max() < 0.02


def test_weights_count_as_repeated_rows() -> None:
    x, weights = normal_rows(300), np.random.default_rng(3).integers(0, 4, 300).astype(float)
    repeated = np.repeat(x, weights.astype(int), axis=0)
    ones = np.ones((len(x), 1))
    found = fit_gaussian(x, ones, weights).log_prob(x, ones)
    expected = fit_gaussian(repeated, np.ones((len(repeated), 1))).log_prob(x, ones)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_few_rows_of_many_independent_features_are_shrunk_and_better_for_it() -> None:
    rng = np.random.default_rng(4)
    x, fresh = rng.normal(size=(60, 40)), rng.normal(size=(2000, 40))
    ones, others = np.ones((60, 1)), np.ones((2000, 1))
    plain, shrunk = fit_gaussian(x, ones, shrinkages=(0.0,)), fit_gaussian(x, ones)
    assert shrunk.shrinkage > 0.5
    assert nll_of(shrunk.log_prob(fresh, others)).mean < nll_of(plain.log_prob(fresh, others)).mean - 10


@pytest.mark.parametrize("x", [np.ones((50, 2)), np.stack([np.arange(50.0), np.ones(50)], axis=1)])
def test_a_feature_that_never_varies_has_no_gaussian(x: np.ndarray) -> None:
    assert fit_gaussian(x, np.ones((50, 1))) is None


def test_a_fold_is_judged_by_the_others_alone() -> None:
    """A row far out is in no fit that judges it: under one that it was in, it would be likelier."""
    x = np.append(np.random.default_rng(5).normal(size=(99, 1)), [[1e6]], axis=0)
    found = cross_fitted(fit_gaussian, Sample(x, np.ones((100, 1))))
    assert found[-1] < -1e10


def test_rows_are_thinned_evenly() -> None:
    rows = thinned(Sample(np.arange(100.0)[:, None], np.ones((100, 1))), numbers=20)
    np.testing.assert_array_equal(rows.x[:, 0], np.arange(0, 100, 10))


def test_a_standard_error_is_that_of_the_mean() -> None:
    values = np.random.default_rng(6).exponential(size=500)
    found = mean_of(values)
    assert found.mean == pytest.approx(values.mean())
    assert found.standard_error == pytest.approx(values.std(ddof=1) / math.sqrt(500))
    assert mean_of(values, np.full(500, 3.0)).standard_error == pytest.approx(found.standard_error)
    assert mean_of(values[:1]).standard_error is None
    assert mean_of(np.array([1.0, math.inf])).standard_error is None
