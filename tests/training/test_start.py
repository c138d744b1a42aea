"""What training starts from: the Gaussian of all rows, which only a clear gain takes the place of."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import flowexport
from flowexport.flows import Affine
from flowexport.training import load_checkpoint, train_recipe
from flowexport.training.data import make_rows
from flowexport.training.preparation import standardise
from flowexport.training.start import clearly_better, start_of_all_rows


@pytest.mark.parametrize(
    ("gains", "clear"),
    [
        ([0.3, 0.1, 0.2], True),  # 0.2 on average, with a standard error of 0.058
        ([0.9, -0.5, 0.2], False),  # the same average, with one of 0.404
        ([-0.3, -0.1, -0.2], False),
        ([0.2], False),  # one row has none
        ([0.2, torch.nan], False),
        ([0.2, torch.inf], False),
    ],
)
def test_a_gain_is_clear_beyond_its_standard_error(gains, clear):
    assert clearly_better(torch.tensor(gains, dtype=torch.float64), None) is clear


def test_of_rows_with_weights():
    gains = torch.tensor([0.9, -0.5, 0.2, 5.0], dtype=torch.float64)
    # Of a row that counts for nothing.
    assert not clearly_better(gains, torch.tensor([1.0, 1.0, 1.0, 0.0], dtype=torch.float64))
    assert clearly_better(gains, torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64))
    # Weights of one scale or another are the same weights.
    for scale in (1e-3, 1e3):
        weights = scale * torch.tensor([2.0, 0.1, 2.0, 0.1], dtype=torch.float64)
        assert clearly_better(gains, weights) == clearly_better(gains, weights / scale)


def test_the_start_is_the_gaussian_of_all_rows():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2)) @ [[2.0, 0.5], [0.0, 0.3]] + [3.0, -1.0]
    training, held_out = make_rows(x).split(0.1, 0)
    start = start_of_all_rows(flowexport.RealNVP(2).double(), training, held_out)
    covariance = np.cov(x.T, bias=True)
    gaussian = torch.distributions.MultivariateNormal(torch.from_numpy(x.mean(axis=0)), torch.from_numpy(covariance))
    with torch.no_grad():
        torch.testing.assert_close(start.log_prob(torch.from_numpy(x)), gaussian.log_prob(torch.from_numpy(x)))


def test_a_gaussian_stays_one_and_is_judged_on_rows_that_it_has_not_seen(tmp_path):
    x = np.random.default_rng(1).normal(size=(60, 2))
    np.save(tmp_path / "rows.npy", x)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('name = "g"\n[data]\nfile = "rows.npy"\nvalidation = 0.2\n[training]\nepochs = 3\n')
    outcome = train_recipe(recipe, tmp_path / "run")
    assert outcome.best_epoch == 0
    loaded = load_checkpoint(tmp_path / "run").flow
    training, held_out = make_rows(x).split(0.2, 0)
    parts = (training, held_out), (training, training)
    kept, of_training = (start_of_all_rows(flowexport.RealNVP(2), *each) for each in parts)
    seen = torch.from_numpy(held_out.x).float()
    with torch.no_grad():
        torch.testing.assert_close(loaded.log_prob(seen), kept.log_prob(seen))
        nll = -of_training.log_prob(seen).mean().item()
    assert outcome.best_nll == pytest.approx(nll, rel=1e-6)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["quality"]["nll"] == pytest.approx(nll, rel=1e-6)


def test_what_a_map_has_learned_is_not_silenced_with_its_conditioner() -> None:
    class Learned(Affine):
        def __init__(self) -> None:
            super().__init__()
            self.heads = nn.Linear(2, 2)

    flow = flowexport.RealNVP(3, univariate=Learned)
    before = flow.stack.couplings[0].univariate.heads.weight.clone()
    standardise(flow, make_rows(np.random.default_rng(0).normal(size=(50, 3))))
    coupling = flow.stack.couplings[0]
    assert torch.equal(coupling.univariate.heads.weight, before)
    assert not any(parameter.any() for parameter in coupling.conditioner.heads.parameters())
