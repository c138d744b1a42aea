"""An adopted zuko flow gives zuko's own numbers, and what cannot be adopted is refused by name."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
import zuko
from torch import nn

from flowexport.errors import ArgumentError
from flowexport.interop import from_zuko

CUSTOM = [[1, 1, 1, 0, 1], [0, 1, 0, 0, 0], [1, 0, 0, 1, 1]]
"""Masks that no parity gives, and that keep another number of features in every layer."""


def custom_masks() -> nn.Module:
    flow = zuko.flows.RealNVP(5, context=2, hidden_features=(8,))
    for layer, mask in enumerate(CUSTOM):
        flow.transform.transforms[layer] = zuko.flows.coupling.GeneralCouplingTransform(
            5, 2, mask=mask, hidden_features=(8,)
        )
    return flow


AFFINE = zuko.transforms.MonotonicAffineTransform


def shifted_base() -> nn.Module:
    flow = zuko.flows.RealNVP(3, hidden_features=(8,))
    for buffer in flow.base.buffers():
        buffer.fill_(2.0)
    return flow


CONFIGURATIONS: dict[str, Callable[[], nn.Module]] = {
    "default": lambda: zuko.flows.RealNVP(4),
    "NICE": lambda: zuko.flows.NICE(3, hidden_features=(8,)),
    "one feature": lambda: zuko.flows.RealNVP(1, hidden_features=(8,)),
    "one feature, context": lambda: zuko.flows.RealNVP(1, context=3, hidden_features=(8,)),
    "one feature, context, random masks": lambda: zuko.flows.RealNVP(1, context=1, randmask=True, hidden_features=(8,)),
    "one layer": lambda: zuko.flows.RealNVP(2, transforms=1, hidden_features=(8,)),
    "two features": lambda: zuko.flows.RealNVP(2, hidden_features=(8,)),
    "odd features": lambda: zuko.flows.RealNVP(5, transforms=4, hidden_features=(8, 6)),
    "context": lambda: zuko.flows.RealNVP(4, context=2, hidden_features=(8,)),
    "random masks": lambda: zuko.flows.RealNVP(6, randmask=True, hidden_features=(8,)),
    "random masks, context": lambda: zuko.flows.RealNVP(5, context=2, randmask=True, hidden_features=(8,)),
    "random masks, context, no hidden layer": lambda: zuko.flows.RealNVP(
        5, context=1, randmask=True, hidden_features=()
    ),
    "custom masks, context": custom_masks,
    "no hidden layer": lambda: zuko.flows.RealNVP(3, hidden_features=()),
    "no hidden layer, context": lambda: zuko.flows.RealNVP(3, context=2, hidden_features=()),
    "Tanh": lambda: zuko.flows.RealNVP(4, hidden_features=(8,), activation=nn.Tanh),
    "ELU, context": lambda: zuko.flows.RealNVP(3, context=1, hidden_features=(8, 8), activation=nn.ELU),
    "slope": lambda: zuko.flows.RealNVP(3, univariate=partial(AFFINE, slope=0.01), hidden_features=(8,)),
    "LayerNorm": lambda: zuko.flows.RealNVP(3, normalize=True, hidden_features=(8, 2), activation=nn.Tanh),
    "no bias": lambda: zuko.flows.RealNVP(3, bias=False, hidden_features=(8,)),
    "learned base": shifted_base,
}


@pytest.mark.parametrize(
    ("dtype", "bound"),
    [(torch.float64, {"rtol": 1e-12, "atol": 1e-12}), (torch.float32, {"rtol": 1e-5, "atol": 1e-5})],
    ids=["float64", "float32"],
)
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_same_numbers(name, dtype, bound):
    torch.manual_seed(0)
    theirs = CONFIGURATIONS[name]().to(dtype)
    ours = from_zuko(theirs)
    x = torch.randn(100, ours.features, dtype=dtype)
    c = torch.randn(100, ours.context, dtype=dtype) if ours.context else None
    torch.testing.assert_close(ours(c).log_prob(x), theirs(c).log_prob(x), **bound)
    if name == "learned base":
        return  # in ours it is the last layer of the transform
    torch.testing.assert_close(ours(c).transform(x), theirs(c).transform(x), **bound)
    torch.testing.assert_close(ours(c).transform.inv(x), theirs(c).transform.inv(x), **bound)
    torch.testing.assert_close(
        ours(c).transform.log_abs_det_jacobian(x, x), theirs(c).transform.log_abs_det_jacobian(x, x), **bound
    )


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_same_samples_from_the_same_noise(name):
    torch.manual_seed(0)
    theirs = CONFIGURATIONS[name]().double()
    ours = from_zuko(theirs)
    c = torch.randn(3, ours.context, dtype=torch.float64) if ours.context else None
    draws = []
    for flow in (ours, theirs):
        torch.manual_seed(1)
        draws.append(flow(c).rsample_and_log_prob((4,)))
    torch.testing.assert_close(draws[0], draws[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_arguments_are_read_off_the_weights(name):
    torch.manual_seed(0)
    theirs = CONFIGURATIONS[name]()
    ours = from_zuko(theirs)
    assert len(ours.stack.couplings) == len(theirs.transform.transforms)
    if "masks" in name and ours.features > 1:
        assert ours.arguments["masks"] == [layer.mask.tolist() for layer in theirs.transform.transforms]
    else:
        assert ours.arguments["masks"] == "alternating"
    assert ours.arguments["context"] == ours.context
    assert (ours.context > 0) == ("context" in name)


def test_the_original_is_not_shared():
    theirs = CONFIGURATIONS["custom masks, context"]().double()
    ours = from_zuko(theirs)
    x, c = torch.randn(5, 5, dtype=torch.float64), torch.randn(2, dtype=torch.float64)
    before = ours(c).log_prob(x)
    with torch.no_grad():
        for tensor in [*theirs.parameters(), *theirs.buffers()]:
            tensor.zero_()
    assert torch.equal(ours(c).log_prob(x), before)


def in_a_flow(layer: nn.Module) -> nn.Module:
    """A zuko flow whose layers at positions 0 and 1 can be adopted, and this one behind them."""
    flow = zuko.flows.RealNVP(3, hidden_features=(8,))
    flow.transform.transforms[2] = layer
    return flow


def autoregressive(**options: object) -> nn.Module:
    return zuko.flows.autoregressive.MaskedAutoregressiveTransform(3, hidden_features=(8,), **options)


def mixed_context() -> nn.Module:
    return in_a_flow(zuko.flows.coupling.GeneralCouplingTransform(3, 2, hidden_features=(8,)))


def other_base() -> nn.Module:
    flow = zuko.flows.RealNVP(3)
    flow.base = zuko.lazy.UnconditionalDistribution(zuko.distributions.BoxUniform, -torch.ones(3), torch.ones(3))
    return flow


def coupling(univariate: Callable[..., object], shapes: list[tuple[int, ...]]) -> nn.Module:
    return zuko.flows.NICE(3, univariate=univariate, shapes=shapes, hidden_features=(8,))


SEQUENTIAL = "zuko MaskedAutoregressiveTransform at position 2: sampling is sequential, not exportable as one pass"

REFUSALS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "no flow": (lambda: nn.Linear(2, 2), "zuko Linear cannot be adopted"),
    "MAF": (lambda: zuko.flows.MAF(3), "zuko MaskedAutoregressiveTransform at position 0: sampling is sequential"),
    "a layer of MAF": (lambda: in_a_flow(autoregressive()), SEQUENTIAL),
    "NSF in two passes": (lambda: zuko.flows.NSF(4, passes=2), "MaskedAutoregressiveTransform at position 0"),
    "SOSPF": (lambda: zuko.flows.SOSPF(3), "at position 0"),
    "rotation": (
        lambda: in_a_flow(zuko.lazy.UnconditionalTransform(zuko.transforms.RotationTransform, torch.eye(3))),
        "zuko UnconditionalTransform at position 2 cannot be adopted, only couplings",
    ),
    "elementwise": (
        lambda: in_a_flow(zuko.flows.gaussianization.ElementWiseTransform(3)),
        "zuko ElementWiseTransform at position 2 cannot be adopted",
    ),
    "contexts that differ": (mixed_context, "position 2: takes a context of 2 columns, the first layer one of 0"),
    "univariate": (
        lambda: coupling(zuko.flows.spline.CircularRQSTransform, [(8,), (8,), (7,)]),
        "zuko GeneralCouplingTransform at position 0: univariate CircularRQSTransform cannot be adopted",
    ),
    "partial by position": (lambda: coupling(partial(AFFINE, torch.ones(())), [()]), "arguments without names"),
    "unknown option": (lambda: coupling(partial(AFFINE, cache_size=1), [(), ()]), "with cache_size cannot be adopted"),
    "shapes": (
        lambda: coupling(zuko.transforms.MonotonicRQSTransform, [(8,), (8,), (9,)]),
        r"MonotonicRQSTransform with shapes \[\(8,\), \(8,\), \(9,\)\] cannot be adopted",
    ),
    "LayerNorm of one": (
        lambda: zuko.flows.RealNVP(3, normalize=True, hidden_features=(1,)),
        "normalisation of a single number",
    ),
    "LeakyReLU": (
        lambda: zuko.flows.RealNVP(3, activation=partial(nn.LeakyReLU, 0.5)),
        r"LeakyReLU\(negative_slope=0.5\) cannot be adopted",
    ),
    "PReLU": (lambda: zuko.flows.RealNVP(3, activation=nn.PReLU), "PReLU"),
    "base": (other_base, "zuko base BoxUniform cannot be adopted, only DiagNormal"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refuses_what_would_change_the_numbers_by_name_and_position(name):
    make, message = REFUSALS[name]
    with pytest.raises(ArgumentError, match=message):
        from_zuko(make())
