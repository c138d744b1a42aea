"""Densities whose exact values are known without a flow."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from flowexport.flows import Flow, StandardNormal, architecture_of, build
from tests.flows.cases import CASES, context, make, rows, standardised
from tests.reference_page import reference_flow

EXACT = {"rtol": 1e-12, "atol": 1e-12}
CAP = -math.log(1e-3)


def heads_to_zero(flow: Flow) -> Flow:
    """Zero parameters are the identity, so what is left is the base."""
    with torch.no_grad():
        for name, parameter in flow.named_parameters():
            if ".heads." in name:
                parameter.zero_()
    return flow


def normal(mean: Tensor, scale: Tensor) -> Independent:
    return Independent(Normal(mean, scale), 1)


@pytest.mark.parametrize("name", CASES)
def test_with_zero_heads_it_is_a_normal_in_the_datas_units(name):
    flow = heads_to_zero(make(name))
    x, c = rows(flow, 40), context(flow, 40)
    expected = normal(flow.standardize.mean, flow.standardize.scale).log_prob(x)
    torch.testing.assert_close(flow(c).log_prob(x), expected, **EXACT)


@pytest.mark.parametrize("features", [1, 2, 5])
def test_with_zero_heads_and_no_units_it_is_a_standard_normal(features):
    flow = heads_to_zero(reference_flow(features, hidden_features=(8,)).double())
    x = torch.randn(40, features, dtype=torch.float64)
    expected = normal(torch.zeros(features).double(), torch.ones(features).double()).log_prob(x)
    torch.testing.assert_close(flow().log_prob(x), expected, **EXACT)
    torch.manual_seed(0)
    z = torch.randn(7, features, dtype=torch.float64)
    torch.manual_seed(0)
    assert torch.equal(flow().sample((7,)), z)


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name]().context])
def test_units_are_a_change_of_variables(name):
    flow = standardised(make(name))
    x, c = rows(flow, 40), context(flow, 40)
    plain = build(architecture_of(flow)).double()
    plain.load_state_dict({key: t for key, t in flow.state_dict().items() if "standardize" not in key}, strict=False)
    in_units = (x - flow.standardize.mean) / flow.standardize.scale
    c_in_units = (c - flow.standardize_context.mean) / flow.standardize_context.scale
    expected = plain(c_in_units).log_prob(in_units) - flow.standardize.scale.log().sum()
    torch.testing.assert_close(flow(c).log_prob(x), expected, rtol=1e-12, atol=1e-12)


def test_samples_have_the_mean_and_scale_of_the_data():
    flow = heads_to_zero(reference_flow(2, hidden_features=(8,)).double())
    mean, scale = torch.tensor([1e3, -2.0]).double(), torch.tensor([5.0, 1e-3]).double()
    flow.standardize.fit(mean, scale)
    torch.manual_seed(0)
    z = (flow().sample((20_000,)) - mean) / scale
    # Five standard errors of a mean and of a standard deviation of 20,000 normals.
    assert z.mean(0).abs().max() < 5 / math.sqrt(20_000)
    assert (z.std(0) - 1).abs().max() < 5 / math.sqrt(2 * 20_000)


@pytest.mark.parametrize("features", [1, 3])
def test_base_is_a_standard_normal(features):
    z = torch.randn(2, 6, features, dtype=torch.float64)
    expected = normal(torch.zeros(features).double(), torch.ones(features).double()).log_prob(z)
    torch.testing.assert_close(StandardNormal(features).log_prob(z), expected, **EXACT)


# Couplings set by hand, against the formula


def set_head(flow: Flow, layer: int, name: str, weight: list[list[float]], bias: list[float]) -> None:
    head = flow.stack.couplings[layer].conditioner.heads[name]
    with torch.no_grad():
        head.weight.copy_(torch.tensor(weight, dtype=torch.float64))
        head.bias.copy_(torch.tensor(bias, dtype=torch.float64))


def log_normal(z: np.ndarray) -> np.ndarray:
    return (-0.5 * z**2 - 0.5 * np.log(2 * np.pi)).sum(-1)


@pytest.mark.parametrize("log_scale", [0.0, 0.7, -0.7, CAP, -CAP, 30.0, -30.0])
def test_one_coupling_is_the_clamped_affine_formula(log_scale):
    flow = reference_flow(2, transforms=1, hidden_features=()).double()
    set_head(flow, 0, "shift", [[0.3]], [-1.2])
    set_head(flow, 0, "log_scale", [[0.05]], [log_scale])
    x = np.random.default_rng(0).normal(size=(50, 2))
    a = log_scale + 0.05 * x[:, 0]
    scale = a / (1 + np.abs(a / CAP))
    z = np.stack([x[:, 0], x[:, 1] * np.exp(scale) + 0.3 * x[:, 0] - 1.2], axis=1)
    expected = log_normal(z) + scale
    measured = flow().log_prob(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(measured, expected, rtol=1e-12)
    np.testing.assert_allclose(flow().transform(torch.from_numpy(x)).detach().numpy(), z, rtol=1e-12)


def test_two_couplings_with_context_are_applied_one_after_the_other():
    flow = reference_flow(3, context=1, transforms=2, hidden_features=()).double()
    # Layer 0 keeps features 0 and 2 and moves 1; layer 1 keeps 1 and moves 0 and 2. The context comes last.
    set_head(flow, 0, "shift", [[0.1, -0.2, 0.3]], [0.4])
    set_head(flow, 0, "log_scale", [[0.5, 0.6, -0.7]], [0.8])
    set_head(flow, 1, "shift", [[0.9, 1.0], [-1.1, 1.2]], [1.3, -1.4])
    set_head(flow, 1, "log_scale", [[0.15, -0.25], [0.35, 0.45]], [-0.55, 0.65])
    rng = np.random.default_rng(0)
    x, c = rng.normal(size=(50, 3)), rng.normal(size=(50, 1))[:, 0]

    def clamp(a: np.ndarray) -> np.ndarray:
        return a / (1 + np.abs(a / CAP))

    l1 = clamp(0.5 * x[:, 0] + 0.6 * x[:, 2] - 0.7 * c + 0.8)
    z1 = x[:, 1] * np.exp(l1) + 0.1 * x[:, 0] - 0.2 * x[:, 2] + 0.3 * c + 0.4
    l0, l2 = clamp(0.15 * z1 - 0.25 * c - 0.55), clamp(0.35 * z1 + 0.45 * c + 0.65)
    z0 = x[:, 0] * np.exp(l0) + 0.9 * z1 + 1.0 * c + 1.3
    z2 = x[:, 2] * np.exp(l2) - 1.1 * z1 + 1.2 * c - 1.4
    expected = log_normal(np.stack([z0, z1, z2], axis=1)) + l0 + l1 + l2
    measured = flow(torch.from_numpy(c)[:, None]).log_prob(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(measured, expected, rtol=1e-12)


def test_one_feature_without_context_is_a_normal_of_known_moments():
    flow = reference_flow(1, transforms=2).double()
    shifts, raw = [0.5, -1.5], [1.0, -2.0]
    with torch.no_grad():
        for coupling, shift, a in zip(flow.stack.couplings, shifts, raw, strict=True):
            coupling.conditioner.heads["shift"].fill_(shift)
            coupling.conditioner.heads["log_scale"].fill_(a)
    scales = [math.exp(a / (1 + abs(a / CAP))) for a in raw]
    # z = s2 (s1 x + t1) + t2 is a standard normal
    scale = 1 / (scales[0] * scales[1])
    mean = -(scales[1] * shifts[0] + shifts[1]) * scale
    x = torch.linspace(-4, 4, 21).double()[:, None]
    expected = Normal(*torch.tensor([mean, scale], dtype=torch.float64)).log_prob(x[:, 0])
    torch.testing.assert_close(flow().log_prob(x), expected, **EXACT)


@pytest.mark.parametrize("features", [2, 5, 6])
def test_first_layer_keeps_the_even_features(features):
    flow = reference_flow(features, transforms=1, hidden_features=(8,)).double()
    x = torch.randn(20, features, dtype=torch.float64)
    moved = (flow().transform(x) != x).all(0)
    kept = (flow().transform(x) == x).all(0)
    assert moved.tolist() == [i % 2 == 1 for i in range(features)]
    assert kept.tolist() == [i % 2 == 0 for i in range(features)]


@pytest.mark.parametrize("features", [2, 5, 6, 9])
def test_random_masks_are_halves_in_turn(features):
    flow = make_random(features)
    kept = [int(coupling.conditioner.mask.sum()) for coupling in flow.stack.couplings]
    # randperm % 2 == i % 2: even numbers outnumber odd ones by one where the features are odd.
    assert kept == [(features + 1) // 2 if layer % 2 == 0 else features // 2 for layer in range(4)]


def make_random(features: int) -> Flow:
    return reference_flow(features, transforms=4, randmask=True, hidden_features=(8,))


# Mass


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name]().features == 1])
def test_one_dimensional_density_has_mass_one(name):
    flow = make(name)
    c = context(flow)
    latent = torch.tensor([[-12.0], [12.0]], dtype=torch.float64)
    low, high = flow(c).transform.inv(latent).detach()[:, 0].tolist()
    x = torch.linspace(low, high, 20_001, dtype=torch.float64)
    mass = torch.trapezoid(flow(c).log_prob(x[:, None]).detach().exp(), x)
    assert abs(mass - 1) < 1e-9


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name]().features == 2])
def test_two_dimensional_density_has_mass_one(name):
    flow = make(name)
    x = torch.linspace(-15, 15, 601, dtype=torch.float64)
    grid = torch.cartesian_prod(x, x)
    with torch.no_grad():
        density = flow(context(flow)).log_prob(grid).exp().reshape(601, 601)
    mass = torch.trapezoid(torch.trapezoid(density, x), x)
    assert abs(mass - 1) < 1e-4
