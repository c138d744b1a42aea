"""The figures of an evaluation, each against what is known: closed forms, another library, or a model that is true."""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy import stats

from flowexport.evaluation.classifier import separation
from flowexport.evaluation.evaluate import evaluate
from flowexport.evaluation.gaussian import fit_gaussian
from flowexport.evaluation.mixture import fit_mixture
from flowexport.evaluation.uniformity import from_normal, two_samples

RNG = np.random.default_rng


@dataclass
class TrueNormal:
    """N(shift + context, 1) in each of two features: what a perfect model says."""

    shift: float = 0.0
    scale: float = 1.0
    name: str = "normal"
    features: list[str] = field(default_factory=lambda: ["a", "b"])
    categories: list[int] = field(default_factory=list)

    def log_prob(self, x: np.ndarray, context: np.ndarray | None) -> np.ndarray:
        mean = self.shift + (0 if context is None else context)
        return stats.norm(mean, self.scale).logpdf(x).sum(axis=1)

    def sample(self, count: int, context: np.ndarray | None, seed: int) -> np.ndarray:
        mean = self.shift + (0 if context is None else context)
        return mean + self.scale * RNG([seed, 1]).normal(size=(count, 2))


ROWS = RNG(0).normal(size=(4000, 2))


def test_the_nll_is_that_of_the_closed_form_in_nats_and_bits() -> None:
    figures = evaluate(TrueNormal(), ROWS).figures
    expected = -stats.norm.logpdf(ROWS).sum(axis=1)
    assert figures.nll.nats == pytest.approx(expected.mean())
    assert figures.nll.bits == pytest.approx(expected.mean() / math.log(2))
    assert figures.nll.standard_error == pytest.approx(expected.std(ddof=1) / math.sqrt(len(ROWS)))
    # The entropy is 2.8379 nats.
    assert abs(figures.nll.nats - (1 + math.log(2 * math.pi))) < 4 * figures.nll.standard_error


def test_a_true_model_is_told_by_nothing() -> None:
    figures = evaluate(TrueNormal(), ROWS, latent=ROWS, lowest=(-12.0, 1000)).figures
    gaussian, mixture = figures.beside
    # A Gaussian that has to be fitted is the worse for it: by (number of parameters) / 2n nats, 5 / 6400.
    assert 0 < gaussian.difference < 0.003
    assert mixture.nll == gaussian.nll
    assert gaussian.fitted_on == "other folds of these rows"
    assert all(each.p_value > 0.01 for each in figures.latent)
    assert all(each.distance.p_value > 0.01 for each in figures.features)
    assert abs(figures.separation.auc - 0.5) < 3 * figures.separation.standard_error
    assert figures.below_reference == int((TrueNormal().log_prob(ROWS, None) < -12).sum())


def test_a_model_that_is_shifted_and_too_wide_is_told_by_everything() -> None:
    figures = evaluate(TrueNormal(1.0, 2.0), ROWS, latent=(ROWS - 1) / 2).figures
    # KL of N(0, 1) from N(1, 4), twice: ln 2 + (1 + 1) / 8 − 1 / 2 each.
    expected = 2 * (math.log(2) + 0.25 - 0.5)
    gaussian = figures.beside[0]
    assert gaussian.difference == pytest.approx(-expected, abs=4 * gaussian.standard_error)
    assert all(each.p_value < 1e-6 for each in figures.latent)
    assert all(each.distance.p_value < 1e-6 for each in figures.features)
    assert figures.separation.auc > 0.75


def test_the_difference_to_itself_is_nothing_and_to_another_is_row_by_row() -> None:
    model, other = TrueNormal(), TrueNormal(0.1)
    itself = evaluate(model, ROWS, other=model.log_prob(ROWS, None), other_name="itself").figures.beside[-1]
    assert (itself.difference, itself.standard_error) == (0, 0)
    found = evaluate(model, ROWS, other=other.log_prob(ROWS, None), other_name="other").figures.beside[-1]
    each = model.log_prob(ROWS, None) - other.log_prob(ROWS, None)
    assert found.difference == pytest.approx(each.mean())
    assert found.standard_error == pytest.approx(each.std(ddof=1) / math.sqrt(len(each)))


def test_what_is_beside_a_conditional_model_has_its_context() -> None:
    context = RNG(1).uniform(-50, 50, size=(4000, 1))
    figures = evaluate(TrueNormal(), ROWS + context, context).figures
    assert 0 < figures.beside[0].difference < 0.003
    assert abs(figures.separation.auc - 0.5) < 3 * figures.separation.standard_error


def test_a_model_that_minds_no_context_is_told_by_it() -> None:
    """Its samples have the right distribution over all contexts, and in none of them."""

    class Ignorant(TrueNormal):
        def sample(self, count: int, context: np.ndarray | None, seed: int) -> np.ndarray:
            return super().sample(count, np.random.default_rng(3).permutation(context), seed)

    context = RNG(2).normal(size=(2000, 1))
    figures = evaluate(Ignorant(), ROWS[:2000] + context, context).figures
    assert all(each.distance.p_value > 0.01 for each in figures.features)
    assert figures.separation.auc > 0.65


def test_other_rows_may_be_named_to_fit_on() -> None:
    others = RNG(2).normal(3, 1, size=(1000, 2))
    figures = evaluate(TrueNormal(), ROWS, fitted_on=(others, None, "a table")).figures
    gaussian = figures.beside[0]
    expected = stats.multivariate_normal(others.mean(0), np.cov(others.T, bias=True)).logpdf(ROWS)
    assert gaussian.nll.nats == pytest.approx(-expected.mean())
    assert gaussian.fitted_on == "a table"


def test_a_row_without_density_makes_the_nll_infinite_and_is_counted() -> None:
    class Bounded(TrueNormal):
        def log_prob(self, x: np.ndarray, context: np.ndarray | None) -> np.ndarray:
            return np.where(x[:, 0] > 3, -np.inf, super().log_prob(x, context))

    figures = evaluate(Bounded(), ROWS).figures
    assert figures.rows_without_density == int((ROWS[:, 0] > 3).sum()) > 0
    assert figures.nll.nats is None
    assert figures.beside[0].difference is None


def test_two_rows_are_enough_to_say_that_they_are_few() -> None:
    figures = evaluate(TrueNormal(), ROWS[:2]).figures
    assert figures.separation_reason == "needs 50 rows"
    assert figures.beside[0].reason == "cannot be fitted: too few rows, or a column that does not vary"


@pytest.mark.parametrize("count", [20, 300, 5000])
@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.05, 1.0), (0.0, 1.3)])
def test_the_distance_from_the_normal_is_scipys(count: int, shift: float, scale: float) -> None:
    values = RNG(count).normal(shift, scale, count)
    found, expected = from_normal(values), stats.kstest(values, "norm")
    assert found.statistic == pytest.approx(expected.statistic, abs=1e-12)
    # The approximation is off by up to 0.02 at twenty rows, where the p-value is far from small.
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.02 if count == 20 else 0.005)


def test_the_quantiles_of_the_normal_are_as_near_to_it_as_can_be() -> None:
    exact = stats.norm.ppf((np.arange(1000) + 0.5) / 1000)
    assert from_normal(exact).statistic == pytest.approx(0.0005)
    assert from_normal(exact).p_value == 1


@pytest.mark.parametrize("shift", [0.0, 0.1, 1.0])
def test_the_distance_of_two_samples_is_scipys_ties_included(shift: float) -> None:
    one, other = np.round(RNG(3).normal(size=400), 1), np.round(RNG(4).normal(shift, size=300), 1)
    found, expected = two_samples(one, other), stats.ks_2samp(one, other, method="asymp")
    assert found.statistic == pytest.approx(expected.statistic, abs=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.02)


def test_a_classifier_has_nothing_to_go_by_or_everything() -> None:
    one, other = RNG(5).normal(size=(1000, 3)), RNG(6).normal(size=(1000, 3))
    alike, apart = separation(one, other), separation(one, other + 6)
    assert abs(alike.auc - 0.5) < 3 * alike.standard_error
    # Of chance: √((2n + 1) / 12 n²).
    assert alike.standard_error == pytest.approx(math.sqrt(2001 / 12e6), rel=0.02)
    assert apart.auc > 0.999


def test_a_classifier_sees_what_no_feature_alone_shows() -> None:
    one = RNG(7).normal(size=(2000, 2))
    other = RNG(8).normal(size=(2000, 1)) * [1.0, 1.0]
    assert separation(one, other).auc > 0.9


def test_a_mixture_finds_the_islands_that_a_gaussian_cannot() -> None:
    rng = RNG(9)
    means = np.array([[-5.0, 0.0], [5.0, 0.0], [0.0, 9.0]])
    x = means[rng.integers(0, 3, 3000)] + rng.normal(size=(3000, 2))
    ones = np.ones((3000, 1))
    mixture = fit_mixture(x, ones)
    assert mixture.components.n_components == 3
    truth = np.logaddexp.reduce([stats.norm.logpdf(x - m).sum(1) for m in means], axis=0) - math.log(3)
    assert abs((truth - mixture.log_prob(x, ones)).mean()) < 0.02
    assert (truth - fit_gaussian(x, ones).log_prob(x, ones)).mean() > 0.8


def test_a_mixture_is_the_gaussian_where_rows_are_few_or_normal() -> None:
    x, ones = RNG(10).normal(size=(40, 8)), np.ones((40, 1))
    np.testing.assert_array_equal(fit_mixture(x, ones).log_prob(x, ones), fit_gaussian(x, ones).log_prob(x, ones))


def test_where_scikit_learn_is_missing_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn.mixture", None)
    monkeypatch.setitem(__import__("sys").modules, "sklearn.ensemble", None)
    figures = evaluate(TrueNormal(), ROWS).figures
    assert (
        figures.beside[1].reason
        == figures.separation_reason
        == "needs scikit-learn: pip install 'flowexport[evaluate]'"
    )
    assert figures.beside[0].nll is not None
