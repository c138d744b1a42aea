"""What of nflows and normflows cannot be adopted is refused by name and position."""

from collections.abc import Callable
from typing import Any

import normflows
import pytest
import torch
from nflows import distributions, transforms
from nflows.flows import Flow, MaskedAutoregressiveFlow, SimpleRealNVP
from nflows.nn.nets import MLP, ResidualNet
from normflows import flows, nets
from torch import nn

from flowexport.errors import ArgumentError
from flowexport.interop import from_nflows, from_normflows

MASK = [1, 0, 1]


def residual(**options: Any) -> Callable[[int, int], nn.Module]:
    return lambda inward, outward: ResidualNet(inward, outward, 8, **options)


def stack(*layers: nn.Module, base: nn.Module | None = None, embedding: nn.Module | None = None) -> nn.Module:
    """A flow of nflows whose layer at position 0 can be adopted."""
    first = transforms.ReversePermutation(3)
    base = distributions.StandardNormal([3]) if base is None else base
    return Flow(transforms.CompositeTransform([first, *layers]), base, embedding)


def affine(net: Callable[[int, int], nn.Module]) -> nn.Module:
    return transforms.AffineCouplingTransform(MASK, net)


def spline(**options: Any) -> nn.Module:
    options = {"tails": "linear", "num_bins": 4} | options
    return transforms.PiecewiseRationalQuadraticCouplingTransform(MASK, residual(), **options)


NFLOWS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "no flow": (lambda: nn.Linear(2, 2), "nflows Linear cannot be adopted"),
    "autoregressive": (
        lambda: MaskedAutoregressiveFlow(3, 8, 2, 1),
        "nflows MaskedAffineAutoregressiveTransform at position 1: sampling is sequential",
    ),
    "autoregressive, nested": (
        lambda: stack(
            transforms.CompositeTransform(
                [transforms.LULinear(3), transforms.MaskedAffineAutoregressiveTransform(3, 8)]
            )
        ),
        "MaskedAffineAutoregressiveTransform at position 1.1: sampling is sequential, not exportable as one pass",
    ),
    "batch norm within": (
        lambda: SimpleRealNVP(3, 8, 2, 1, batch_norm_within_layers=True),
        "nflows AffineCouplingTransform at position 0: ResidualNet with use_batch_norm cannot be adopted",
    ),
    "context": (lambda: stack(affine(residual(context_features=2))), "position 1: ResidualNet with context_features"),
    "embedding": (lambda: stack(embedding=nn.Linear(2, 2)), "nflows embedding net Linear"),
    "no block": (lambda: stack(affine(residual(num_blocks=0))), "ResidualNet with num_blocks=0"),
    "activation": (lambda: stack(affine(residual(activation=torch.sin))), "activation sin cannot be adopted"),
    "slope": (
        lambda: stack(affine(residual(activation=nn.LeakyReLU(0.3)))),
        r"activation LeakyReLU\(negative_slope=0.3\) cannot be adopted",
    ),
    "network": (
        lambda: stack(affine(lambda inward, outward: MLP([inward], [outward], [8]))),
        "position 1: the network MLP cannot be adopted, only ResidualNet",
    ),
    "no tails": (lambda: stack(spline(tails=None)), "position 1: tails=None cannot be adopted, only 'linear'"),
    "floors that differ": (lambda: stack(spline(min_derivative=1e-2)), "min_derivative that differ"),
    "unconditional": (lambda: stack(spline(apply_unconditional_transform=True)), "apply_unconditional_transform"),
    "cubic": (
        lambda: stack(transforms.PiecewiseCubicCouplingTransform(MASK, residual(), tails="linear")),
        "nflows PiecewiseCubicCouplingTransform at position 1 cannot be adopted",
    ),
    "linear": (
        lambda: stack(transforms.NaiveLinear(3, orthogonal_initialization=False)),
        "nflows NaiveLinear at position 1 cannot be adopted",
    ),
    "inverse": (
        lambda: stack(transforms.InverseTransform(transforms.LULinear(3))),
        "nflows InverseTransform at position 1 cannot be adopted",
    ),
    "nothing kept": (
        lambda: stack(transforms.AdditiveCouplingTransform([1, 1, 1], residual())),
        "must keep a feature and move a feature",
    ),
    "base": (
        lambda: stack(base=distributions.ConditionalDiagonalNormal([3])),
        "nflows base ConditionalDiagonalNormal cannot be adopted",
    ),
}


def chain(*layers: nn.Module, features: int = 4, base: nn.Module | None = None) -> nn.Module:
    """A flow of normflows whose layer at position 0 can be adopted."""
    base = normflows.distributions.DiagGaussian(features) if base is None else base
    return normflows.NormalizingFlow(base, [flows.Permute(features), *layers])


def block(network: nn.Module | None = None, **options: Any) -> nn.Module:
    return flows.AffineCouplingBlock(nets.MLP([2, 8, 4]) if network is None else network, **options)


def annealed() -> nn.Module:
    base = normflows.distributions.DiagGaussian(4)
    base.temperature = 0.5
    return chain(base=base)


NORMFLOWS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "no flow": (lambda: nn.Linear(2, 2), "normflows Linear cannot be adopted"),
    "conditional": (
        lambda: normflows.ConditionalNormalizingFlow(normflows.distributions.DiagGaussian(4), []),
        "normflows ConditionalNormalizingFlow cannot be adopted",
    ),
    "autoregressive": (
        lambda: chain(flows.MaskedAffineAutoregressive(4, 8)),
        "normflows MaskedAffineAutoregressive at position 1: sampling is sequential, not exportable as one pass",
    ),
    "spline": (
        lambda: chain(flows.CoupledRationalQuadraticSpline(4, 1, 8)),
        "normflows CoupledRationalQuadraticSpline at position 1 cannot be adopted",
    ),
    "planar": (lambda: chain(flows.Planar((4,))), "normflows Planar at position 1 cannot be adopted"),
    "scale map": (lambda: chain(block(scale_map="tanh")), "position 1: scale_map 'tanh' cannot be adopted"),
    "leaky": (
        lambda: chain(block(nets.MLP([2, 8, 4], leaky=0.2))),
        r"AffineCouplingBlock at position 1: activation LeakyReLU\(negative_slope=0.2\) cannot be adopted",
    ),
    "output function": (lambda: chain(block(nets.MLP([2, 8, 4], output_fn="tanh"))), "a network .* cannot be adopted"),
    "network": (lambda: chain(block(nn.Linear(2, 4))), "the network Linear cannot be adopted"),
    "odd checkerboard": (
        lambda: chain(block(split_mode="checkerboard"), features=5),
        "a split of 5 features by 'checkerboard' cannot be adopted",
    ),
    "odd merge": (
        lambda: chain(flows.Split(), flows.Merge("channel_inv"), features=5),
        "normflows Merge at position 2: mode 'channel_inv' after Split 'channel' of 5 features",
    ),
    "split alone": (lambda: chain(flows.Split()), "Split without a Merge"),
    "between": (
        lambda: chain(flows.Split(), flows.Permute(4), flows.Merge()),
        "normflows Permute at position 2: between Split and Merge only AffineCoupling",
    ),
    "uninitialised": (lambda: chain(flows.ActNorm(4)), "normflows ActNorm at position 1: has seen no data"),
    "mask": (
        lambda: chain(flows.MaskedAffineFlow(torch.tensor([0.5, 1, 0, 1]), nets.MLP([4, 8, 4]))),
        "only zeros and ones on a vector",
    ),
    "nothing": (lambda: chain(flows.MaskedAffineFlow(torch.tensor([0.0, 1, 0, 1]))), "without t and s it does nothing"),
    "depths": (
        lambda: chain(
            flows.MaskedAffineFlow(torch.tensor([0.0, 1, 0, 1]), nets.MLP([4, 8, 4]), nets.MLP([4, 8, 8, 4]))
        ),
        "two networks of different depth or activation",
    ),
    "mixture": (
        lambda: chain(base=normflows.distributions.GaussianMixture(2, 4)),
        "normflows base GaussianMixture cannot be adopted, only DiagGaussian",
    ),
    "temperature": (annealed, "temperature 0.5"),
}


@pytest.mark.parametrize("name", NFLOWS)
def test_nflows(name: str) -> None:
    make, message = NFLOWS[name]
    with pytest.raises(ArgumentError, match=message):
        from_nflows(make())


@pytest.mark.parametrize("name", NORMFLOWS)
def test_normflows(name: str) -> None:
    make, message = NORMFLOWS[name]
    with pytest.raises(ArgumentError, match=message):
        from_normflows(make())
