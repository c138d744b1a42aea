"""Gradients by hand are those of the plain formulas, to every order, and give way where somebody else looks."""

import copy
import sys
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

import flowexport
from flowexport.flows import RealNVP, recorded
from flowexport.flows.univariate import RationalQuadraticSpline
from flowexport.training.gradients.couplings import AffineCouplings, plain_affine_couplings
from flowexport.training.gradients.perceptron import ACTIVATIONS, NARROW, Perceptron, plain_perceptron
from tests.reference_page import reference_flow

FLOWS = {
    "one layer": {"transforms": 1},
    "halves": {"transforms": 5},
    "odd": {"features": 3},
    "two features": {"features": 2},
    "wide": {"features": 2 * NARROW + 2},
    "no hidden layer": {"hidden_features": ()},
    "three hidden layers": {"hidden_features": (7, 6, 5)},
    "context": {"context": 2},
    "categories": {"context": 2, "categories": (3, 0), "embeddings": (2, 0)},
    "conditional base": {"context": 2, "base": "ConditionalNormal"},
    "mixture": {"base": {"name": "GaussianMixture", "components": 2}},
    "layers between": {"normalization": "ActNorm", "scaling": True},
    "spline": {"univariate": "RationalQuadraticSpline"},
    "spline of nflows": {"univariate": {"name": "RationalQuadraticSpline", "constraint": "floor"}},
    "defaults": {"univariate": "AffineSpline", "activation": "SiLU", "whiten": True},
    "tanh": {"activation": "Tanh"},
    "silu": {"activation": "SiLU"},
    "narrow scale": {"univariate": {"name": "Affine", "slope": 0.5}},
    "random masks": {"randmask": True, "mixing": "LULinear"},
    "residual": {"residual": True, "hidden_features": (6, 6)},
    "bounded": {"features": 2, "bounds": [(-9.0, None), (-9.0, 9.0)]},
}


def made(arguments: dict) -> tuple[RealNVP, Tensor, Tensor | None]:
    torch.manual_seed(0)
    flow = reference_flow(**{"features": 4, "transforms": 3, "hidden_features": (7, 6), **arguments}).double().train()
    x = torch.randn(9, flow.features, dtype=torch.float64)
    context = torch.randn(9, 2, dtype=torch.float64) if flow.context else None
    if context is not None and flow.categories[0]:
        context[:, 0] = torch.arange(9) % 3
    flow.log_prob(x, context)  # what is started by the first batch is
    for parameter in flow.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return flow, x, context


def by_autograd(monkeypatch) -> None:
    monkeypatch.setattr(recorded, "chosen", None)


def gradients(flow: RealNVP, x: Tensor, context: Tensor | None) -> dict[str, Tensor | None]:
    flow.zero_grad()
    x = x.clone().requires_grad_()
    context = None if context is None else context.clone().requires_grad_()
    log_prob = flow.log_prob(x, context)
    (log_prob * torch.linspace(1, 2, 9, dtype=torch.float64)).sum().backward()
    of_inputs = {"log_prob": log_prob.detach(), "x": x.grad, "context": None if context is None else context.grad}
    return of_inputs | {name: each.grad for name, each in flow.named_parameters()}


def assert_equal(ours: dict[str, Tensor | None], plain: dict[str, Tensor | None]) -> None:
    for name, each in plain.items():
        assert (ours[name] is None) == (each is None), name
        if each is not None:
            torch.testing.assert_close(
                ours[name], each, rtol=1e-10, atol=1e-11, msg=lambda m, name=name: f"{name}: {m}"
            )


@pytest.mark.parametrize("name", FLOWS)
def test_gradients_are_those_of_autograd(name, monkeypatch):
    flow, x, context = made(FLOWS[name])
    ours = gradients(flow, x, context)
    by_autograd(monkeypatch)
    assert_equal(ours, gradients(flow, x, context))


@pytest.mark.parametrize("frozen", ["layers.0", "layers.2", "trunk.0", "trunk.2", "heads.shift", "heads", "bias"])
@pytest.mark.parametrize("name", ["halves", "context", "spline"])
def test_frozen_parameters_have_none_and_the_others_theirs(name, frozen, monkeypatch):
    flow, x, context = made(FLOWS[name])
    for parameter, each in flow.named_parameters():
        each.requires_grad_(frozen not in parameter)
    ours = gradients(flow, x, context)
    by_autograd(monkeypatch)
    assert_equal(ours, gradients(flow, x, context))


@pytest.mark.parametrize("name", ["halves", "context", "random masks", "spline"])
def test_second_derivatives_are_those_of_autograd(name, monkeypatch):
    flow, x, context = made(FLOWS[name])

    def hessian() -> tuple[Tensor, ...]:
        at = x[:2].clone().requires_grad_()
        total = flow.log_prob(at, None if context is None else context[:2]).sum()
        (slope,) = torch.autograd.grad(total, at, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), [at, *flow.parameters()], allow_unused=True)

    ours = hessian()
    by_autograd(monkeypatch)
    assert_equal(dict(enumerate(ours)), dict(enumerate(hessian())))


def numbers(*shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_() for shape in shapes]


def layer(width: int, before: int) -> list[tuple[int, ...]]:
    return [(width, before), (width,)]


@pytest.mark.thorough
@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=[each.__name__ for each in ACTIVATIONS])
@pytest.mark.parametrize("heads", [(2, 3), (NARROW + 1, 1)])
@pytest.mark.parametrize("hidden", [(), (4,), (NARROW + 1, 4)])
def test_the_network_by_finite_differences(hidden, heads, activation):
    widths = [3, *hidden]
    shapes = [each for before, after in pairwise(widths) for each in layer(after, before)]
    x, *parameters = numbers((5, 3), *shapes, *(each for head in heads for each in layer(head, widths[-1])))
    split = len(shapes)

    def network(x: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        return Perceptron.apply(x, split, activation, *parameters)

    torch.testing.assert_close(network(x, *parameters), plain_perceptron(x, split, activation, parameters))
    assert torch.autograd.gradcheck(network, (x, *parameters))
    assert torch.autograd.gradgradcheck(network, (x, *parameters))


@pytest.mark.thorough
@pytest.mark.parametrize("context", [0, 2])
def test_couplings_by_finite_differences(context):
    # Layers with no, one and two hidden layers; the parts have 2 and 3 features.
    wide = [*layer(4, 3 + context), *layer(5, 4), *layer(2, 5), *layer(2, 5)]
    one = [*layer(4, 2 + context), *layer(3, 4), *layer(3, 4)]
    none = [*layer(2, 3 + context), *layer(2, 3 + context)]
    relu, silu = ACTIVATIONS[nn.ReLU], ACTIVATIONS[nn.SiLU]
    plans = [(0, 1, 1.5, 2, relu, 6), (1, 0, 6.9, 4, silu, 8), (0, 1, 0.5, 2, silu, 6), (1, 0, 6.9, 0, relu, 4)]
    first, second, given, *parameters = numbers((4, 2), (4, 3), (4, 2), *one, *wide, *one, *none)

    def couplings(first: Tensor, second: Tensor, given: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        return AffineCouplings.apply(plans, 2, first, second, given if context else None, *parameters)

    inputs = (first, second, given, *parameters)
    plain = plain_affine_couplings(plans, 2, first, second, given if context else None, *parameters)
    torch.testing.assert_close(couplings(*inputs), plain)
    inputs = inputs if context else (first, second, given.detach(), *parameters)
    assert torch.autograd.gradcheck(couplings, inputs)
    assert torch.autograd.gradgradcheck(couplings, inputs)


@pytest.mark.thorough
@pytest.mark.parametrize("bins", [2, 5])
def test_the_spline_by_finite_differences(bins):
    # In every bin, and beyond both ends.
    x = torch.linspace(-2.7, 2.8, 14, dtype=torch.float64).reshape(7, 2).requires_grad_()
    _, *parameters = numbers((1,), (7, 2, bins), (7, 2, bins), (7, 2, bins - 1))
    spline_map = RationalQuadraticSpline(bins, bound=2.5)
    by_hand = spline_map.forward_and_log_det(x, *parameters)
    assert all("ClampedSpline" in str(each.grad_fn) for each in by_hand)
    torch.testing.assert_close(by_hand, spline_map.plain_forward(x, *parameters), rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(spline_map.forward_and_log_det, (x, *parameters))
    assert torch.autograd.gradgradcheck(spline_map.forward_and_log_det, (x, *parameters))


def test_what_is_no_number_stays_none():
    spline_map = RationalQuadraticSpline(4)
    x = torch.tensor([[torch.nan, 0.5]])
    widths, heights, derivatives = (torch.zeros(1, 2, size, requires_grad=True) for size in (4, 4, 3))
    y, _ = spline_map.forward_and_log_det(x, widths, heights, derivatives)
    assert y.isnan().tolist() == [[True, False]]
    y, _ = spline_map.forward_and_log_det(x, widths / 0, heights, derivatives)
    assert y.isnan().all()


def operations(of: Tensor) -> set[str]:
    """The names of all that autograd has recorded."""
    found, open_ = set(), [of.grad_fn]
    while open_:
        each = open_.pop()
        if each is not None and each not in found:
            found.add(each)
            open_ += [before for before, _ in each.next_functions]
    return {type(each).__name__ for each in found}


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("halves", "AffineCouplings"),
        ("context", "AffineCouplings"),
        ("random masks", "Perceptron"),
        ("silu", "AffineCouplings"),
        ("spline", "ClampedSpline"),
        ("spline", "Perceptron"),
    ],
)
def test_they_are_what_is_recorded(name, operation, monkeypatch):
    flow, x, context = made(FLOWS[name])
    assert f"{operation}Backward" in operations(flow.log_prob(x, context))
    by_autograd(monkeypatch)
    assert f"{operation}Backward" not in operations(flow.log_prob(x, context))


def test_a_flow_of_the_package_has_them_in_a_loop_of_ones_own(monkeypatch):
    monkeypatch.setattr(flowexport, "training", flowexport.training)
    monkeypatch.delitem(sys.modules, "flowexport.training")
    monkeypatch.setattr(recorded, "chosen", None)
    assert flowexport.RealNVP is RealNVP
    assert recorded.chosen is not None


def test_backward_may_be_asked_twice():
    flow, x, _ = made({})
    loss = -flow.log_prob(x).mean()
    parameters = list(flow.parameters())
    once = torch.autograd.grad(loss, parameters, retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(loss, parameters), once, rtol=0, atol=0)


def test_a_hook_sees_what_goes_through_its_layer():
    flow, x, _ = made({})
    seen: list[torch.Size] = []
    inner = flow.stack.layers[1].conditioner.trunk[2]
    inner.register_forward_hook(lambda module, given, said: seen.append(said.shape))
    flow.log_prob(x)
    assert seen == [torch.Size([9, 6])]


def test_a_layer_of_another_kind_is_called():
    class Doubled(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    flow, x, _ = made({})
    before = copy.deepcopy(flow).log_prob(x)
    trunk = flow.stack.layers[0].conditioner.trunk
    other = Doubled(2, 7).double()
    other.load_state_dict({name: each / 2 for name, each in trunk[0].state_dict().items()})
    trunk[0] = other
    torch.testing.assert_close(flow.log_prob(x), before)
    with torch.no_grad():
        other.bias += 1
    assert not torch.allclose(flow.log_prob(x), before)


@pytest.mark.parametrize("transform", [torch.func.jacrev, torch.func.jacfwd])
def test_the_transforms_of_torch_work(transform):
    flow, x, _ = made({})
    flow.requires_grad_(False)
    by_transform = torch.func.vmap(transform(lambda row: flow.log_prob(row[None])[0]))(x)
    at = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(flow.log_prob(at).sum(), at)
    torch.testing.assert_close(by_transform, expected)


def test_mixed_precision_works():
    flow, x, _ = made({})
    flow.float()
    with torch.autocast("cpu", torch.bfloat16):
        loss = -flow.log_prob(x.float()).mean()
    loss.backward()
    assert all(each.grad is not None and each.grad.isfinite().all() for each in flow.parameters())
