"""The estimator of scikit-learn: its own battery, a pipeline, a grid search, and the density of the flow inside."""

from pathlib import Path

import numpy as np
import pandas
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import flowexport
from flowexport.sklearn import FlowDensity

SMALL = {"transforms": 1, "hidden_features": (4,), "epochs": 2, "validation": 0.0}
X = np.random.default_rng(0).normal([3.0, -1.0], [2.0, 0.5], size=(300, 2))


@pytest.mark.thorough
def test_the_battery_of_scikit_learn_passes_whole() -> None:
    """Nothing is expected to fail; what is skipped needs a setting of scipy."""
    found = check_estimator(FlowDensity(**SMALL, random_state=0), on_skip=None)
    skipped = {each["check_name"] for each in found if each["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}
    assert all(each["status"] == "passed" for each in found if each["check_name"] not in skipped)
    assert len(found) > 30


def test_scores_are_the_flows_and_samples_the_same_for_the_same_state() -> None:
    density = FlowDensity(**SMALL | {"epochs": 30}, learning_rate=1e-2, batch_size=32, random_state=1).fit(X)
    gaussian = -0.5 * ((X - [3, -1]) / [2, 0.5]) ** 2 - np.log([2, 0.5]) - 0.5 * np.log(2 * np.pi)
    assert abs(density.score(X) - gaussian.sum(1).mean()) < 0.1
    assert density.score(X) == pytest.approx(density.score_samples(X).mean())
    np.testing.assert_array_equal(density.sample(5, random_state=3), density.sample(5, random_state=3))
    assert abs(density.sample(4000, random_state=0).mean(0) - [3, -1]).max() < 0.3
    again = clone(density).fit(X)
    np.testing.assert_array_equal(again.score_samples(X), density.score_samples(X))
    assert density.n_iter_ == len(density.history_) == 30


def test_a_pipeline_and_a_grid_search() -> None:
    pipeline = make_pipeline(StandardScaler(), FlowDensity(**SMALL, random_state=0))
    search = GridSearchCV(pipeline, {"flowdensity__epochs": [1, 15]}, cv=2).fit(X)
    assert search.best_score_ == max(search.cv_results_["mean_test_score"])
    assert np.ptp(search.cv_results_["mean_test_score"]) > 0
    assert search.best_estimator_.score_samples(X).shape == (300,)


def test_a_frame_gives_its_names_to_the_bundle(tmp_path: Path) -> None:
    frame = pandas.DataFrame(X, columns=["mass", "speed"])
    density = FlowDensity(**SMALL, random_state=0).fit(frame)
    flowexport.export(density.flow_, tmp_path / "bundle", data=frame[["speed", "mass"]])
    model = flowexport.load(tmp_path / "bundle", device="cpu")
    assert model.features == ["mass", "speed"]
    np.testing.assert_allclose(model.log_prob(frame), density.score_samples(frame), rtol=1e-5, atol=1e-4)
    with pytest.raises(ValueError, match="feature names"):
        density.score_samples(frame[["speed", "mass"]])
