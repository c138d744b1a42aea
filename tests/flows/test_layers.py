"""Layers between couplings, masks and bases, each against its definition."""

import math

import pytest
import torch
from torch import Tensor

from flowexport.errors import ArgumentError
from flowexport.flows import (
    ActNorm,
    BatchNorm,
    Bounds,
    DiagonalNormal,
    GaussianMixture,
    LULinear,
    Permutation,
    Scaling,
)
from flowexport.flows.masks import custom, halves, randomised
from tests.reference_page import reference_flow

EXACT = {"rtol": 1e-12, "atol": 1e-12}


def normals(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# Elementwise layers


def test_actnorm_is_started_by_the_first_training_batch_and_by_no_other():
    layer = ActNorm(3).double()
    first, second = 5 + 3 * normals(500, 3), normals(500, 3, seed=1)
    y, log_det = layer.eval().forward_and_log_det(first)
    assert torch.equal(y, first)
    y, log_det = layer.train().forward_and_log_det(first)
    torch.testing.assert_close(y.mean(0), torch.zeros(3).double(), **EXACT)
    torch.testing.assert_close(y.std(0, correction=0), torch.ones(3).double(), **EXACT)
    torch.testing.assert_close(log_det, -first.std(0, correction=0).log(), **EXACT)
    state = {key: value.clone() for key, value in layer.state_dict().items()}
    layer.forward_and_log_det(second)
    assert all(torch.equal(value, state[key]) for key, value in layer.state_dict().items())


def test_actnorm_of_a_constant_feature_stays_finite():
    layer = ActNorm(2).double()
    y, log_det = layer.forward_and_log_det(torch.full((4, 2), 7.0).double())
    assert torch.equal(y, torch.zeros(4, 2).double())
    assert torch.equal(log_det, torch.zeros(2).double())


def test_batchnorm_takes_the_batch_in_training_and_running_moments_otherwise():
    layer = BatchNorm(3, momentum=0.25, epsilon=1e-3).double()
    x = 2 + 3 * normals(400, 3)
    theirs = torch.nn.BatchNorm1d(3, eps=1e-3, momentum=0.25).double()
    with torch.no_grad():
        y, log_det = layer.train().forward_and_log_det(x)
        torch.testing.assert_close(y, theirs.train()(x), **EXACT)
        torch.testing.assert_close(log_det, -0.5 * (x.var(0, correction=0) + 1e-3).log(), **EXACT)
        # torch's running variance is the unbiased one; ours is what normalised the batch.
        torch.testing.assert_close(layer.variance, 0.75 + 0.25 * x.var(0, correction=0), **EXACT)
        torch.testing.assert_close(layer.mean, theirs.running_mean, **EXACT)
        y, log_det = layer.eval().forward_and_log_det(x)
        torch.testing.assert_close(y, (x - layer.mean) / (layer.variance + 1e-3).sqrt(), **EXACT)
        torch.testing.assert_close(layer.train().inverse_and_log_det(y)[0], x, **EXACT)


def test_diagonal_normal_and_scaling_are_their_formulas():
    x = normals(5, 2)
    normal, scaling = DiagonalNormal(2).double(), Scaling(2).double()
    with torch.no_grad():
        normal.mean.copy_(torch.tensor([1.0, -2.0]))
        for layer in (normal, scaling):
            layer.log_scale.copy_(torch.tensor([0.5, -0.25]))
    scale = torch.tensor([0.5, -0.25]).double().exp()
    z, log_det = normal.forward_and_log_det(x)
    torch.testing.assert_close(z, (x - normal.mean) / scale, **EXACT)
    torch.testing.assert_close(log_det, -scale.log(), **EXACT)
    torch.testing.assert_close(scaling.forward_and_log_det(x)[0], x * scale, **EXACT)


def test_a_diagonal_base_is_a_normal_of_its_mean_and_scale():
    flow = reference_flow(2, transforms=1, hidden_features=(4,), univariate="Additive", base="DiagonalNormal").double()
    with torch.no_grad():
        for name, parameter in flow.named_parameters():
            if ".heads." in name:
                parameter.zero_()
        first, second = [module for module in flow.modules() if isinstance(module, DiagonalNormal)]
        first.mean.fill_(1.5), second.log_scale.fill_(0.7)
    x = normals(20, 2)
    expected = torch.distributions.Normal(
        torch.tensor([1.5, 0.0]).double(), torch.tensor([1.0, math.exp(0.7)], dtype=torch.float64)
    ).log_prob(x)
    torch.testing.assert_close(flow().log_prob(x), expected.sum(-1), **EXACT)


# Linear layers


def test_lu_starts_as_a_rotation_and_is_its_matrix():
    torch.manual_seed(0)
    layer = LULinear(5).double()
    weight = layer.weight()
    torch.testing.assert_close(weight @ weight.T, torch.eye(5).double(), rtol=0, atol=1e-6)  # float32 at the start
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += 0.2 * normals(*parameter.shape)
    x = normals(7, 5)
    y, log_det = layer.forward_and_log_det(x)
    torch.testing.assert_close(y, x @ layer.weight().T + layer.bias, **EXACT)
    torch.testing.assert_close(log_det.sum(), torch.linalg.slogdet(layer.weight())[1], **EXACT)
    torch.testing.assert_close(layer.inverse_and_log_det(y)[0], x, rtol=1e-9, atol=1e-9)


def test_permutation_is_its_order():
    layer = Permutation(3, torch.tensor([2, 0, 1]))
    y, log_det = layer.forward_and_log_det(torch.tensor([10.0, 11.0, 12.0]))
    assert y.tolist() == [12.0, 10.0, 11.0]
    assert log_det is None
    assert layer.inverse_and_log_det(y)[0].tolist() == [10.0, 11.0, 12.0]
    with pytest.raises(ArgumentError, match="order"):
        Permutation(3, torch.tensor([0, 0, 1]))


# Masks


@pytest.mark.parametrize(("features", "transforms"), [(2, 2), (3, 2), (5, 2), (8, 3), (9, 4), (100, 3), (101, 2)])
def test_covering_masks_move_every_feature_and_keep_the_sizes(features, transforms):
    torch.manual_seed(0)
    for _ in range(50):
        masks = randomised(features, transforms, cover=True)
        assert (~masks).any(dim=0).all()
        kept = masks.sum(dim=1).tolist()
        assert kept == [(features + 1) // 2 if layer % 2 == 0 else features // 2 for layer in range(transforms)]


def test_the_plain_draw_leaves_features_untouched_as_often_as_it_must():
    torch.manual_seed(0)
    untouched = sum(bool(randomised(8, 3).all(dim=0).any()) for _ in range(2000)) / 2000
    # 1 − P(three random halves of eight cover all) = 0.747; four standard errors of 2,000 draws.
    exact = uncovered(8, 3)
    assert abs(untouched - exact) < 4 * math.sqrt(exact * (1 - exact) / 2000)
    assert 0.74 < exact < 0.76


def uncovered(features: int, transforms: int) -> float:
    """The chance that random halves leave a feature untouched, by inclusion and exclusion."""
    half, total = features // 2, math.comb(features, features // 2)
    covered = sum(
        (-1) ** left * math.comb(features, left) * (math.comb(features - left, half) / total) ** transforms
        for left in range(half + 1)
    )
    return 1 - covered


def test_halves_and_custom_masks_are_what_they_say():
    assert halves(5, 2).tolist() == [[True, True, True, False, False], [False, False, False, True, True]]
    given = [[True, False, True], [False, True, True]]
    assert custom(given, 3, 2).tolist() == given
    flow = reference_flow(3, transforms=2, masks=given, hidden_features=(4,))
    assert flow.arguments["masks"] == given
    with pytest.raises(ArgumentError, match="masks: 2 masks for 3 transforms"):
        custom(given, 3, 3)


# Bases


def test_a_mixture_is_that_of_torch_and_its_noise_chooses_by_weight():
    torch.manual_seed(0)
    base = GaussianMixture(2, 3).double()
    with torch.no_grad():
        base.logits.copy_(torch.tensor([0.0, 1.0, -1.0]))
        base.means.copy_(torch.tensor([[-100.0, 0.0], [0.0, 50.0], [100.0, 0.0]]))
    weights = base.logits.softmax(0)
    theirs = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(weights),
        torch.distributions.Independent(torch.distributions.Normal(base.means, base.log_scales.exp()), 1),
    )
    u = base.latent(normals(20_000, 3))
    torch.testing.assert_close(base.log_prob(u), theirs.log_prob(u), **EXACT)
    share = torch.stack([(u[:, 0] < -50), (u[:, 0].abs() < 50), (u[:, 0] > 50)]).double().mean(1)
    assert (share - weights).abs().max() < 5 * 0.5 / math.sqrt(20_000)


def test_the_last_number_of_the_noise_is_compared_with_the_normal_quantiles_of_the_weights():
    base = GaussianMixture(1, 3).double()
    with torch.no_grad():
        base.logits.copy_(torch.tensor([0.25, 0.5, 0.25]).log())
        base.means.copy_(torch.tensor([[1.0], [2.0], [3.0]]))
    # The quartiles of a standard normal.
    selector = torch.tensor([-5.0, -0.6745, -0.6744, 0.6744, 0.6745, 5.0]).double()
    noise = torch.stack([torch.zeros(6).double(), selector], dim=1)
    assert base.latent(noise)[:, 0].tolist() == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]


def test_a_conditional_base_has_a_mean_and_a_scale_for_each_class():
    flow = reference_flow(
        2, context=1, categories=[3], transforms=2, univariate="Additive", base="ConditionalNormal"
    ).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.zero_()
        moves = [coupling for coupling in flow.stack.couplings if coupling.univariate.__class__.__name__ == "Affine"]
        assert len(moves) == 2
        for number, coupling in enumerate(moves):
            coupling.conditioner.heads["shift"].weight.copy_(torch.tensor([[1.0, -2.0, 0.5]]) * (number + 1))
    x = normals(9, 2)
    for label, shift in ((0, 1.0), (1, -2.0), (2, 0.5)):
        found = flow(torch.tensor([float(label)]).double()).log_prob(x)
        # Couplings take the parts in turn: after two, the next moves the second half and then the first.
        shifts = torch.tensor([2 * shift, shift]).double()
        expected = torch.distributions.Normal(torch.zeros(2).double(), 1).log_prob(x + shifts).sum(-1)
        torch.testing.assert_close(found, expected, **EXACT)


# Bounds


@pytest.mark.parametrize(
    ("bound", "distribution"),
    [
        ((0, None), torch.distributions.LogNormal(torch.tensor(0.4).double(), torch.tensor(0.8).double())),
        (
            (0, 1),
            torch.distributions.TransformedDistribution(
                torch.distributions.Normal(torch.tensor(0.4).double(), torch.tensor(0.8).double()),
                torch.distributions.SigmoidTransform(),
            ),
        ),
        (
            (None, 0),
            torch.distributions.TransformedDistribution(
                torch.distributions.Normal(torch.tensor(0.4).double(), torch.tensor(0.8).double()),
                [
                    torch.distributions.AffineTransform(0.0, -1.0),
                    torch.distributions.ExpTransform(),
                    torch.distributions.AffineTransform(0.0, -1.0),
                ],
            ),
        ),
    ],
    ids=["log-normal", "logit-normal", "minus a log-normal"],
)
def test_a_bounded_normal_is_known_in_closed_form(bound, distribution):
    flow = reference_flow(1, transforms=1, univariate="Additive", bounds=[bound]).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.zero_()
    flow.standardize.fit(torch.tensor([0.4]), torch.tensor([0.8]))
    x = distribution.sample((50,))
    torch.testing.assert_close(flow().log_prob(x[:, None]), distribution.log_prob(x), rtol=1e-6, atol=1e-6)
    outside = torch.tensor([[-1.0], [2.0], [0.0]]).double()
    found = flow().log_prob(outside)
    impossible = torch.tensor([not math.isfinite(float(b.detach())) for b in found])
    lower, upper = (-math.inf if bound[0] is None else bound[0]), (math.inf if bound[1] is None else bound[1])
    assert impossible.tolist() == [not lower < value < upper for value in outside[:, 0].tolist()]
    assert not found.isnan().any()
    assert flow().log_prob(torch.tensor([[math.nan]]).double()).isnan().all()


def test_bounds_invert_and_count_each_column_by_itself():
    bounds = Bounds([(0, None), (None, 2), (-1, 3), (None, None)]).double()
    u = normals(30, 4)
    x, log_det = bounds.inverse_and_log_det(u)
    back, minus = bounds.forward_and_log_det(x)
    torch.testing.assert_close(back, u, **EXACT)
    torch.testing.assert_close(minus, -log_det, **EXACT)
    jacobian = torch.autograd.functional.jacobian(lambda row: bounds.inverse_and_log_det(row)[0], u[0])
    torch.testing.assert_close(jacobian, torch.diag(log_det[0].exp()), **EXACT)
