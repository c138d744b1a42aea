"""Training in float64: numbers that float32 takes for one another stay apart, from the recipe to the bundle."""

import math

import numpy as np
import pytest
import torch

import flowexport
from flowexport.training import load_checkpoint, train_recipe

SECONDS = 1.7e7 + np.random.default_rng(0).normal(scale=5.0, size=(400, 2))
"""Times of an event, in seconds of the year: float32 knows every second of them."""

ENTROPY = 1 + math.log(2 * math.pi) + 2 * math.log(5.0)
"""Of the two, nats."""


def test_times_in_seconds(tmp_path, write_recipe):
    recipe = write_recipe(SECONDS, data={"file": "rows.csv"}, training={"epochs": 2, "dtype": "float64"})
    outcome = train_recipe(recipe, tmp_path / "run")
    assert outcome.best_nll == pytest.approx(ENTROPY, abs=0.2)
    loaded = load_checkpoint(tmp_path / "run")
    assert {each.dtype for each in loaded.flow.parameters()} == {torch.float64}
    # Rows are kept as they were, so that the proof is of them.
    assert loaded.x.dtype == torch.float64
    assert np.isin(loaded.x.numpy(), SECONDS).all()
    resumed = train_recipe(recipe, tmp_path / "run", resume=True)
    assert resumed.best_nll == outcome.best_nll
    flowexport.export(loaded.flow, tmp_path / "bundle", data=SECONDS, dtype="float64")
    model = flowexport.load(tmp_path / "bundle", device="cpu")
    assert -model.log_prob(SECONDS).mean() == pytest.approx(ENTROPY, abs=0.2)


def test_fit_takes_the_flow_there():
    flow = flowexport.RealNVP(2)
    flowexport.fit(flow, SECONDS, epochs=1, dtype="float64")
    assert next(flow.parameters()).dtype == torch.float64
    with torch.no_grad():
        assert -flow.log_prob(torch.from_numpy(SECONDS)).mean().item() == pytest.approx(ENTROPY, abs=0.2)


def test_without_it_they_are_said_to_fall_together():
    with pytest.warns(flowexport.errors.DataWarning, match=r"dtype=.float64."):
        flowexport.fit(flowexport.RealNVP(2), SECONDS, epochs=1)
