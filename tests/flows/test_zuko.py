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
    assert ours.arguments["randmask"] == ("masks" in name and ours.features > 1)
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


def shifted_base() -> nn.Module:
    flow = zuko.flows.RealNVP(3)
    for buffer in flow.base.buffers():
        buffer.fill_(2.0)
    return flow


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (lambda: zuko.flows.MAF(3), "zuko MAF"),
        (lambda: zuko.flows.NSF(3), "zuko NSF"),
        (lambda: nn.Linear(2, 2), "zuko Linear"),
        (
            lambda: zuko.flows.NICE(
                3, univariate=zuko.transforms.MonotonicRQSTransform, shapes=[(8,), (8,), (7,)], hidden_features=(8,)
            ),
            "zuko MonotonicRQSTransform at position 0",
        ),
        (
            lambda: zuko.flows.RealNVP(
                3, univariate=partial(zuko.transforms.MonotonicAffineTransform, slope=0.01), hidden_features=(8,)
            ),
            "zuko GeneralCouplingTransform at position 0",
        ),
        (lambda: zuko.flows.RealNVP(3, normalize=True), "LayerNorm"),
        (lambda: zuko.flows.RealNVP(3, bias=False), "bias"),
        (lambda: zuko.flows.RealNVP(3, activation=partial(nn.LeakyReLU, 0.5)), r"LeakyReLU\(negative_slope=0.5\)"),
        (lambda: zuko.flows.RealNVP(3, activation=nn.PReLU), "PReLU"),
        (shifted_base, "base"),
    ],
    ids=["MAF", "NSF", "no flow", "splines", "slope", "LayerNorm", "no bias", "LeakyReLU", "PReLU", "base"],
)
def test_refuses_what_would_change_the_numbers(flow, message):
    with pytest.raises(ArgumentError, match=message):
        from_zuko(flow())
