"""What every flow promises, over the list of flows in cases.py."""

import json
from itertools import product

import pytest
import torch
from torch import Size
from torch.autograd.functional import jacobian

from flowexport.flows import Flow, HalvesStack, StandardNormal, architecture_of, build
from flowexport.flows.conditioner import MaskedConditioner
from tests.flows.cases import ALL, CASES, context, make, rows

EXACT = {"rtol": 1e-10, "atol": 1e-10}


@pytest.fixture(params=ALL)
def flow(request) -> Flow:
    return make(request.param)


def masks_of(flow: Flow) -> list[torch.Tensor]:
    """What each coupling keeps, from its definition: a stored mask, a half in turn, or nothing."""
    features, given = torch.arange(flow.features), flow.arguments["masks"]
    if not isinstance(given, str):
        first = torch.tensor(given[0])
    else:
        first = features < (flow.features + 1) // 2 if given == "halves" else features % 2 == 0
    masks = []
    for layer, coupling in enumerate(flow.stack.couplings):
        if isinstance(coupling.conditioner, MaskedConditioner):
            masks.append(coupling.conditioner.mask)
        elif isinstance(flow.stack, HalvesStack):
            masks.append(first if layer % 2 == 0 else ~first)
        else:
            masks.append(torch.zeros(flow.features, dtype=torch.bool))
    return masks


def test_covers_every_kind_of_conditioner():
    kinds = {type(coupling.conditioner).__name__ for name in CASES for coupling in make(name).stack.couplings}
    assert kinds == {"Conditioner", "Constant", "ContextConditioner", "MaskedConditioner"}


# Shapes


SAMPLE_SHAPES, BATCH_SHAPES = [(), (5,), (2, 3)], [(), (4,), (2, 1)]

BROADCASTS = [
    ((), (), ()),
    ((5,), (), (5,)),
    ((), (4,), (4,)),
    ((5,), (5,), (5,)),
    ((5, 1), (4,), (5, 4)),
    ((0,), (), (0,)),
    ((3, 1, 2), (4, 1), (3, 4, 2)),
]
"""Leading axes of the rows, of the context, and of both together."""


def shapes_of(name: str, grid: list) -> list:
    """The whole grid for the flows that have a name of their own, for those of paired options its last, the richest."""
    return grid if name in CASES else grid[-1:]


@pytest.mark.parametrize("name", ALL)
def test_samples_have_sample_batch_and_event_shape(name):
    flow = make(name)
    for sample_shape, batch_shape in shapes_of(name, list(product(SAMPLE_SHAPES, BATCH_SHAPES))):
        distribution = flow(context(flow, *batch_shape))
        leading = sample_shape + (batch_shape if flow.context else ())
        assert distribution.batch_shape == Size(batch_shape if flow.context else ())
        assert distribution.event_shape == Size([flow.features])
        assert distribution.sample(sample_shape).shape == Size([*leading, flow.features])
        x, log_prob = distribution.rsample_and_log_prob(sample_shape)
        assert x.shape == Size([*leading, flow.features])
        assert log_prob.shape == Size(leading)
        assert distribution.log_prob(x).shape == Size(leading)


@pytest.mark.parametrize("name", ALL)
def test_context_broadcasts_against_rows(name):
    flow = make(name)
    for x_shape, c_shape, both in shapes_of(name, BROADCASTS):
        x, c = rows(flow, *x_shape), context(flow, *c_shape)
        leading = both if flow.context else x_shape
        distribution = flow(c)
        log_prob = distribution.log_prob(x)
        z = distribution.transform(x)
        log_det = distribution.transform.log_abs_det_jacobian(x, z)
        assert log_prob.shape == log_det.shape == Size(leading)
        assert z.shape == Size([*leading, flow.features])
        flat_x = x.expand(*leading, -1).reshape(-1, flow.features)
        flat_c = [None] * len(flat_x) if c is None else c.expand(*leading, -1).reshape(-1, flow.context)
        one_by_one = [flow(ci).log_prob(xi) for xi, ci in zip(flat_x, flat_c, strict=True)]
        expected = torch.stack(one_by_one).reshape(leading) if one_by_one else torch.empty(leading, dtype=x.dtype)
        torch.testing.assert_close(log_prob, expected, **EXACT)


def test_context_matters(flow):
    if not flow.context:
        assert flow.standardize_context is None
        return
    first, second = context(flow, 2)
    x = rows(flow, 6)
    assert (flow(first).log_prob(x) - flow(second).log_prob(x)).abs().min() > 1e-6


# The bijection


def test_inverse_undoes_transform(flow):
    transform = flow(context(flow)).transform
    x, z = rows(flow, 64), torch.randn(64, flow.features, dtype=torch.float64)
    torch.testing.assert_close(transform.inv(transform(x)), x, **EXACT)
    torch.testing.assert_close(transform(transform.inv(z)), z, **EXACT)
    assert not torch.allclose(transform(x), x)


def test_both_directions_count_the_same_log_det(flow):
    transform = flow(context(flow, 8)).transform
    x = rows(flow, 8)
    z, log_det = transform.call_and_log_det(x)
    back, minus_log_det = transform.inverse_and_log_det(z)
    torch.testing.assert_close(minus_log_det, -log_det, **EXACT)
    torch.testing.assert_close(back, x, **EXACT)
    torch.testing.assert_close(transform.inv.log_abs_det_jacobian(z, x), -log_det, **EXACT)
    torch.testing.assert_close(transform.log_abs_det_jacobian(x, z), log_det, **EXACT)


@pytest.mark.parametrize("direction", ["transform", "inverse"])
def test_log_det_is_that_of_autograds_jacobian(flow, direction):
    transform = flow(context(flow)).transform
    if direction == "inverse":
        transform = transform.inv
    points = torch.randn(3, flow.features, dtype=torch.float64) if direction == "inverse" else rows(flow, 3)
    for point in points:
        sign, expected = torch.linalg.slogdet(jacobian(transform, point))
        # A permutation or a rotation may turn the orientation over; couplings do not.
        assert sign == 1 or flow.arguments["mixing"]
        torch.testing.assert_close(transform.log_abs_det_jacobian(point, transform(point)), expected, **EXACT)


def test_each_layer_keeps_its_mask_and_moves_the_rest(flow):
    x, c = torch.randn(16, flow.features, dtype=torch.float64), context(flow, 16)
    c = c if c is None or flow.encoder is None else flow.encoder(c)
    for layer, (mask, coupling) in enumerate(zip(masks_of(flow), flow.stack.couplings, strict=True)):
        kept, moved = flow.stack.kept_and_moved(layer)
        for direction in (coupling.forward_and_log_det, coupling.inverse_and_log_det):
            parts = list(flow.stack.split(x))
            parts[moved], _ = direction(parts[kept], parts[moved], c)
            y = flow.stack.join(tuple(parts))
            torch.testing.assert_close(y[:, mask], x[:, mask], rtol=1e-12, atol=1e-15)
            assert (y[:, ~mask] != x[:, ~mask]).all()


def test_a_layer_is_told_nothing_of_what_it_moves(flow):
    x = rows(flow, 16)
    for layer, (mask, coupling) in enumerate(zip(masks_of(flow), flow.stack.couplings, strict=True)):
        kept, _ = flow.stack.kept_and_moved(layer)
        elsewhere = torch.where(mask, x, x + 7)
        c = context(flow, 16)
        c = c if c is None or flow.encoder is None else flow.encoder(c)
        before, after = (coupling.conditioner(flow.stack.split(rows)[kept], c) for rows in (x, elsewhere))
        for one, other in zip(before, after, strict=True):
            assert torch.equal(one, other)


# The density


def exact_base(flow: Flow) -> torch.distributions.Distribution:
    """The base as torch.distributions has it."""
    if isinstance(flow.base, StandardNormal):
        zero = torch.zeros(flow.features, dtype=torch.float64)
        return torch.distributions.Independent(torch.distributions.Normal(zero, zero + 1), 1)
    normals = torch.distributions.Normal(flow.base.means, flow.base.log_scales.exp())
    weights = torch.distributions.Categorical(logits=flow.base.logits)
    return torch.distributions.MixtureSameFamily(weights, torch.distributions.Independent(normals, 1))


def test_log_prob_is_base_plus_log_det(flow):
    distribution = flow(context(flow))
    x = rows(flow, 32)
    z = distribution.transform(x)
    expected = exact_base(flow).log_prob(z) + distribution.transform.log_abs_det_jacobian(x, z)
    torch.testing.assert_close(distribution.log_prob(x), expected, **EXACT)


def test_samples_come_with_their_own_log_prob(flow):
    distribution = flow(context(flow, 3))
    x, log_prob = distribution.rsample_and_log_prob((50,))
    torch.testing.assert_close(log_prob, distribution.log_prob(x), **EXACT)


def context_rows(flow: Flow, distribution, count: int):
    """The one context of a distribution, for each of its rows."""
    return distribution.transform.context.expand(count, -1) if flow.context else None


def test_samples_are_the_inverse_of_the_noise(flow):
    distribution = flow(context(flow))
    torch.manual_seed(5)
    x = distribution.sample((9,))
    torch.manual_seed(5)
    noise = torch.randn(9, flow.latent_size, dtype=torch.float64)
    torch.testing.assert_close(distribution.transform(x), flow.base.latent(noise), **EXACT)
    torch.testing.assert_close(flow.sample_from(noise, context_rows(flow, distribution, 9)), x, **EXACT)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", ALL)
def test_numbers_are_of_the_flows_type(name, dtype):
    flow = make(name, dtype=dtype)
    x, log_prob = flow(context(flow)).rsample_and_log_prob((3,))
    assert x.dtype == log_prob.dtype == flow(context(flow)).log_prob(x).dtype == dtype


def test_float32_follows_float64(flow):
    x, c = rows(flow, 64), context(flow, 64)
    expected = flow(c).log_prob(x)
    single = flow.float()
    measured = single(None if c is None else c.float()).log_prob(x.float())
    torch.testing.assert_close(measured.double(), expected, rtol=1e-5, atol=1e-4)


# Gradients


def test_gradient_of_log_prob_reaches_every_parameter(flow):
    flow(context(flow, 64)).log_prob(rows(flow, 64)).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in flow.parameters())
    assert len(list(flow.parameters())) > 0


def test_gradient_of_samples_reaches_every_parameter(flow):
    flow(context(flow, 8)).rsample((8,)).square().sum().backward()
    # Which component of a mixture a sample is of is no smooth function of its weight.
    smooth = {name: parameter for name, parameter in flow.named_parameters() if name != "base.logits"}
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in smooth.values())


def test_only_rsample_carries_a_gradient(flow):
    distribution = flow(context(flow))
    assert distribution.has_rsample == ("base.logits" not in dict(flow.named_parameters()))
    assert distribution.rsample((2,)).requires_grad
    assert not distribution.sample((2,)).requires_grad


# The conventions of torch


def test_expand_repeats_the_distribution(flow):
    distribution = flow(context(flow))
    expanded = distribution.expand((3, 2))
    assert expanded.batch_shape == Size([3, 2])
    assert expanded.event_shape == distribution.event_shape
    assert expanded.rsample((4,)).shape == Size([4, 3, 2, flow.features])
    x = rows(flow)
    assert expanded.log_prob(x).shape == Size([3, 2])
    torch.testing.assert_close(expanded.log_prob(x), distribution.log_prob(x).expand(3, 2), **EXACT)


@pytest.mark.parametrize("name", CASES)
def test_repr_names_flow_and_shapes(name):
    flow = make(name)
    text = repr(flow)
    assert text.startswith("RealNVP(")
    for part in ("Affine(slope=0.001)", f"Standardize(features={flow.features})", f"Normal(features={flow.features})"):
        assert part in text
    assert repr(flow(context(flow))) == f"FlowDistribution(features={flow.features}, batch_shape=())"


# Save and load


@pytest.mark.parametrize("name", ALL)
def test_saved_and_loaded_it_is_the_same_flow(name):
    flow = make(name, seed=1)
    x, c = rows(flow, 32), context(flow, 32)
    state = {key: tensor.clone() for key, tensor in flow.state_dict().items()}
    architecture = json.loads(json.dumps(architecture_of(flow)))
    torch.manual_seed(2)  # other weights, and other masks
    loaded = build(architecture).double()
    loaded.train(flow.training)
    assert not torch.equal(loaded(c).log_prob(x), flow(c).log_prob(x))
    loaded.load_state_dict(state)
    assert torch.equal(loaded(c).log_prob(x), flow(c).log_prob(x))
    assert torch.equal(loaded(c).transform.inv(x), flow(c).transform.inv(x))
    assert architecture_of(loaded) == architecture


@pytest.mark.parametrize("name", [name for name in CASES if "random masks" in name])
def test_random_masks_travel_with_the_weights(name):
    flow = make(name, seed=1)
    others = (make(name, seed=seed) for seed in range(2, 30))
    other = next(o for o in others if not torch.equal(torch.stack(masks_of(o)), torch.stack(masks_of(flow))))
    other.load_state_dict(flow.state_dict())
    assert torch.equal(torch.stack(masks_of(other)), torch.stack(masks_of(flow)))


@pytest.mark.parametrize("name", CASES)
def test_without_layers_that_differ_in_training_eval_mode_says_the_same(name):
    flow = make(name)
    x, c = rows(flow, 8), context(flow, 8)
    assert torch.equal(flow.train()(c).log_prob(x), flow.eval()(c).log_prob(x))
