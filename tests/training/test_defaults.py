"""Defaults: a flow starts as the Gaussian of its rows, and is never kept worse than it started."""

import math
from contextlib import suppress

import numpy as np
import pytest
import torch
from torch import nn

import flowexport
from flowexport.errors import ArgumentError, TrainingError
from flowexport.flows import RealNVP, Whiten, architecture_of, build
from flowexport.flows.defaults import REFERENCE_PAGE
from flowexport.lowering import lowered
from flowexport.training import TrainingSpec
from flowexport.training.covariance import left_out_nll, root_of_covariance
from flowexport.training.data import make_rows
from flowexport.training.preparation import standardise

RNG = np.random.default_rng(0)
ROOT = np.array([[1.0, 0, 0, 0], [0.9, 0.1, 0, 0], [-2, 1, 3, 0], [0.5, 0, 1, 0.01]])
ROWS = RNG.normal(size=(2000, 4)) @ ROOT.T * [1e-3, 1, 5, 1e4] + [1, 0, -3, 1e5]


def closed_form_nll(x: np.ndarray) -> float:
    """The NLL of rows under the Gaussian of maximum likelihood of the same rows."""
    covariance = np.cov(x, rowvar=False, bias=True)
    return 0.5 * (x.shape[1] * (1 + math.log(2 * math.pi)) + np.linalg.slogdet(covariance)[1])


@pytest.mark.parametrize("arguments", [{}, {"univariate": "Affine"}, {"mixing": "LULinear"}, {"masks": "random"}])
def test_a_flow_starts_as_the_gaussian_of_its_rows(arguments: dict[str, object]) -> None:
    flow = RealNVP(4, **arguments).eval()
    standardise(flow, make_rows(ROWS))
    with torch.no_grad():
        found = -flow.double().log_prob(torch.from_numpy(ROWS)).mean().item()
    # The moments are kept in float32.
    assert found == pytest.approx(closed_form_nll(ROWS), abs=2e-3)


def test_the_start_is_kept_where_no_epoch_is_better() -> None:
    flow = RealNVP(4)
    with suppress(TrainingError):
        flowexport.fit(flow, ROWS[:200], epochs=2, learning_rate=100.0)
    assert all(not parameter.any() for c in flow.stack.couplings for parameter in c.conditioner.heads.parameters())


def test_a_flow_that_was_trained_keeps_its_whitening() -> None:
    flow = RealNVP(4)
    standardise(flow, make_rows(ROWS))
    before = flow.whiten.matrix.clone()
    standardise(flow, make_rows(ROWS * 3))
    assert torch.equal(flow.whiten.matrix, before)


@pytest.mark.parametrize(
    "arguments", [{}, {"univariate": "Affine"}, {"mixing": "LULinear"}, {"normalization": "ActNorm"}]
)
def test_export_folds_whitening_and_changes_nothing(arguments: dict[str, object]) -> None:
    torch.manual_seed(0)
    flow = RealNVP(4, hidden_features=(8,), **arguments).eval()
    standardise(flow, make_rows(ROWS))
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
        flow.double()
        form, x, z = lowered(flow), torch.from_numpy(ROWS), torch.randn(50, 4, dtype=torch.float64)
        np.testing.assert_allclose(form.log_prob(ROWS, None), flow.log_prob(x), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(form.sample(z.numpy(), None), flow.sample_from(z), rtol=1e-9, atol=1e-9)


def test_whitening_has_the_log_det_of_its_jacobian_and_an_inverse() -> None:
    layer = Whiten(4).double()
    layer.fit(torch.from_numpy(ROOT))
    u = torch.randn(4, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(layer, u)
    assert layer.log_det().item() == pytest.approx(torch.linalg.slogdet(jacobian)[1].item())
    torch.testing.assert_close(layer.inverse(layer(u)), u)
    with pytest.raises(ArgumentError, match="lower triangle"):
        layer.fit(torch.from_numpy(ROOT.T))


def test_the_left_out_nll_is_that_of_leaving_each_row_out() -> None:
    u = RNG.normal(size=(30, 3)) @ RNG.normal(size=(3, 3))
    u = (u - u.mean(axis=0)) / u.std(axis=0)
    expected = []
    for row in range(len(u)):
        others = np.delete(u, row, axis=0)
        covariance = 0.9 * np.cov(others, rowvar=False, bias=True) + 0.1 * np.eye(3)
        off = u[row] - others.mean(axis=0)
        expected.append(0.5 * (np.linalg.slogdet(covariance)[1] + off @ np.linalg.solve(covariance, off)))
    values, vectors = np.linalg.eigh(u.T @ u / 30)
    found = left_out_nll((u @ vectors) ** 2, np.full(30, 1 / 30), values, 30, 0.1)
    assert found == pytest.approx(np.mean(expected))


def test_fewer_rows_than_features_are_shrunk_and_many_rows_are_not() -> None:
    few, many = RNG.normal(size=(20, 40)), RNG.normal(size=(5000, 2)) @ [[1, 0.5], [0, 1]]
    few, many = ((x - x.mean(axis=0)) / x.std(axis=0) for x in (few, many))
    root = root_of_covariance(few)
    assert np.linalg.cond(root) < 5
    root = root_of_covariance(many)
    np.testing.assert_allclose(root @ root.T, many.T @ many / len(many), atol=1e-12)


def test_the_reference_page_is_an_argument_away_and_what_an_old_checkpoint_means() -> None:
    flow = RealNVP(3, **REFERENCE_PAGE)
    assert flow.whiten is None
    assert isinstance(flow.stack.couplings[0].conditioner.trunk[1], nn.ReLU)
    old = architecture_of(flow)
    del old["arguments"]["whiten"]
    assert build(old).whiten is None


@pytest.mark.parametrize(("rows", "size"), [(10, 16), (1400, 100), (10**6, 256)])
def test_a_batch_is_a_fourteenth_of_the_rows_within_bounds(rows: int, size: int) -> None:
    assert TrainingSpec().rows_a_step(rows) == size
    assert TrainingSpec(batch_size=7).rows_a_step(rows) == 7


def test_weight_decay_falls_with_the_rows() -> None:
    assert (TrainingSpec().decay(1000), TrainingSpec().decay(50)) == (0.1, 2.0)
    assert TrainingSpec(weight_decay=0.5).decay(1000) == 0.5
    # Adam's own decay is of another kind: it is not asked for unless someone says so.
    assert TrainingSpec(optimizer="adam").decay(1000) == 0.0


@pytest.mark.thorough
def test_one_feature_of_two_bumps_is_learned() -> None:
    torch.manual_seed(0)
    x = np.where(RNG.random(1000) < 0.5, -3, 3)[:, None] + 0.5 * RNG.normal(size=(1000, 1))
    flow = RealNVP(1)
    epochs = flowexport.fit(flow, x, epochs=15)
    # ln 2 and the entropy of a normal of deviation 0.5; a single normal takes 2.55.
    assert min(epoch.validation_nll for epoch in epochs) < math.log(2) + 0.5 * math.log(2 * math.pi * math.e / 4) + 0.3
