"""Models that are built and trained in zuko, nflows and normflows, by these libraries' own losses."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import normflows
import torch
import zuko
from nflows import distributions, transforms
from nflows.flows import Flow, SimpleRealNVP
from nflows.nn.nets import ResidualNet
from normflows import flows, nets
from torch import Tensor, nn
from torch.nn import functional

from flowexport.interop import (
    Original,
    from_nflows,
    from_normflows,
    from_zuko,
    nflows_numbers,
    normflows_numbers,
    zuko_numbers,
)

STEPS = 250
BATCH = 256

Adopt = Callable[[Any], Any]


@dataclass(frozen=True)
class Library:
    """How a library's models are adopted, trained and asked, by its public functions.

    Arguments:
        adopt, numbers: ours.
        loss: module, x, context → the mean of −log p(x).
        log_prob: module, x, context → ``[rows]``.
        sample: module, noise, context → x of that noise; where the library draws the noise itself, from its generator.
    """

    adopt: Adopt
    numbers: Callable[[Any], Original]
    loss: Callable[[Any, Tensor, Tensor | None], Tensor]
    log_prob: Callable[[Any, Tensor, Tensor | None], Tensor]
    sample: Callable[[Any, Tensor, Tensor | None], Tensor]


def as_drawn(draw: Callable[[int], Tensor], noise: Tensor) -> Tensor:
    """What a library samples when its generator hands it this noise."""
    original = torch.randn
    torch.randn = lambda *shape, **_: noise.reshape(*(shape[0] if isinstance(shape[0], tuple) else shape))  # type: ignore[assignment]
    try:
        return draw(len(noise))
    finally:
        torch.randn = original


def zuko_sample(flow: Any, noise: Tensor, context: Tensor | None) -> Tensor:
    distribution = flow(context)
    return distribution.transform.inv(distribution.base.mean + distribution.base.stddev * noise)


ZUKO = Library(
    from_zuko,
    zuko_numbers,
    lambda flow, x, c: -flow(c).log_prob(x).mean(),
    lambda flow, x, c: flow(c).log_prob(x),
    zuko_sample,
)
NFLOWS = Library(
    from_nflows,
    nflows_numbers,
    lambda flow, x, _: -flow.log_prob(x).mean(),
    lambda flow, x, _: flow.log_prob(x),
    lambda flow, z, _: as_drawn(flow.sample, z),
)
NORMFLOWS = Library(
    from_normflows,
    normflows_numbers,
    lambda flow, x, _: flow.forward_kld(x),
    lambda flow, x, _: flow.log_prob(x),
    lambda flow, z, _: as_drawn(lambda count: flow.sample(count)[0], z),
)


def rows(count: int, features: int, seed: int = 0) -> Tensor:
    """A cloud in waves, wider in some places than in others, float32 ``[count, features]``."""
    drawn = torch.randn(count, features, generator=torch.Generator().manual_seed(seed))
    bent = drawn.clone()
    before = drawn[:, :-1]
    bent[:, 1:] = bent[:, 1:] * (0.4 + 0.4 * torch.sigmoid(2 * before)) + torch.sin(2 * before)
    return bent * torch.linspace(0.6, 1.4, features) + 0.3


def contexts(count: int, context: int, seed: int = 1) -> Tensor | None:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, context, generator=generator) if context else None


# What is built -------------------------------------------------------------------------------------------

SPLINE = zuko.transforms.MonotonicRQSTransform
SHAPES = [(6,), (6,), (5,)]
UNEVEN_MASKS = [[1, 1, 1, 0], [0, 1, 0, 0], [1, 0, 0, 1]]
"""Masks that no parity gives, and that keep another number of features in every layer."""


def zuko_custom_masks() -> nn.Module:
    couplings = [
        zuko.flows.coupling.GeneralCouplingTransform(4, 2, mask=mask, hidden_features=(16,)) for mask in UNEVEN_MASKS
    ]
    base = zuko.lazy.UnconditionalDistribution(zuko.distributions.DiagNormal, torch.zeros(4), torch.ones(4))
    return zuko.lazy.Flow(couplings, base)


def residual(
    blocks: int = 2, activation: Any = functional.relu, dropout: float = 0.0
) -> Callable[[int, int], nn.Module]:
    return lambda inward, outward: ResidualNet(inward, outward, 16, None, blocks, activation, dropout)


def nflows_splines() -> nn.Module:
    layers: list[nn.Module] = [transforms.PointwiseAffineTransform(torch.tensor(-0.3), torch.tensor(0.8))]
    for mask in ([1, 0, 1, 0], [0, 1, 1, 0]):
        spline = transforms.PiecewiseRationalQuadraticCouplingTransform(
            mask, residual(), num_bins=6, tails="linear", tail_bound=3.0
        )
        layers.append(transforms.CompositeTransform([transforms.RandomPermutation(4), spline, transforms.LULinear(4)]))
    return Flow(transforms.CompositeTransform(layers), distributions.StandardNormal([4]))


def nflows_mixed() -> nn.Module:
    layers = [
        transforms.AffineCouplingTransform([1, 0, 0, 1], residual(1, nn.SiLU())),
        transforms.BatchNorm(4, momentum=0.05),
        transforms.ReversePermutation(4),
        transforms.AdditiveCouplingTransform([0, 1, 1, 0], residual(3, torch.tanh)),
        transforms.ActNorm(4),
        transforms.AffineCouplingTransform([1, 1, 0, 0], residual(2, functional.elu, 0.1)),
        transforms.LULinear(4, using_cache=True),
    ]
    return Flow(transforms.CompositeTransform(layers), distributions.StandardNormal([4]))


def normflows_of(layers: list[nn.Module], features: int = 4, trainable: bool = True) -> nn.Module:
    return normflows.NormalizingFlow(normflows.distributions.DiagGaussian(features, trainable=trainable), layers)


def normflows_blocks(**options: Any) -> nn.Module:
    sizes = [3, 16, 16, 2 if options.get("scale") is False else 4]
    layers: list[nn.Module] = []
    for mode in ("shuffle", "swap", "shuffle"):
        layers += [
            flows.AffineCouplingBlock(nets.MLP(sizes, init_zeros=True), **options),
            flows.Permute(5, mode),
            flows.ActNorm(5),
        ]
    return normflows_of(layers, 5)


def normflows_masked() -> nn.Module:
    layers: list[nn.Module] = []
    for number in range(4):
        mask = torch.tensor([1.0, 0.0, 1.0] if number % 2 else [0.0, 1.0, 0.0])
        shift, scale = nets.MLP([3, 12, 12, 3], init_zeros=True), nets.MLP([3, 8, 8, 3], init_zeros=True)
        layers.append(
            flows.MaskedAffineFlow(mask, *[(shift, scale), (shift, None), (None, scale), (shift, scale)][number])
        )
    return normflows_of(layers, 3, trainable=False)


def normflows_parts() -> nn.Module:
    network = partial(nets.ResidualNet, 2, hidden_features=12, num_blocks=1, activation=nn.ELU())

    def bounded() -> nn.Module:
        # Where nothing bounds a scale that is 1 / sigmoid, normflows itself overflows ten deviations from the data.
        return nn.Sequential(nn.Linear(2, 12), nn.Tanh(), nn.Linear(12, 4))

    layers = [
        flows.Split("channel"),
        flows.AffineCoupling(network(4), scale_map="sigmoid"),
        flows.AffineCoupling(bounded()),
        flows.Merge("channel_inv"),
        flows.LULinearPermute(4),
        flows.AffineCouplingBlock(bounded(), scale_map="sigmoid_inv", split_mode="checkerboard"),
        flows.AffineCouplingBlock(network(2), scale=False, split_mode="checkerboard_inv"),
        flows.AffineConstFlow(4),
        flows.AffineCouplingBlock(bounded(), split_mode="channel_inv"),
    ]
    return normflows_of(layers)


CASES: dict[str, tuple[Library, Callable[[], nn.Module]]] = {
    "zuko RealNVP": (ZUKO, lambda: zuko.flows.RealNVP(4, hidden_features=(16, 16))),
    "zuko NICE, context, random masks, LayerNorm": (
        ZUKO,
        lambda: zuko.flows.NICE(5, 2, 4, True, hidden_features=(16, 12), activation=nn.ELU, normalize=True),
    ),
    "zuko coupling NSF": (
        ZUKO,
        lambda: zuko.flows.NICE(4, univariate=SPLINE, shapes=SHAPES, hidden_features=(16, 16)),
    ),
    "zuko coupling NSF, context, bound and slope": (
        ZUKO,
        lambda: zuko.flows.NICE(
            3, 1, univariate=partial(SPLINE, bound=4.0, slope=1e-2), shapes=SHAPES, hidden_features=(16,), bias=False
        ),
    ),
    "zuko additive": (
        ZUKO,
        lambda: zuko.flows.NICE(4, univariate=zuko.transforms.AdditiveTransform, shapes=[()], hidden_features=(16,)),
    ),
    "zuko custom masks, context, learned base": (ZUKO, zuko_custom_masks),
    "zuko one feature, context": (ZUKO, lambda: zuko.flows.RealNVP(1, 2, hidden_features=(8,))),
    "nflows SimpleRealNVP": (NFLOWS, lambda: SimpleRealNVP(4, 16, 4, 2)),
    "nflows SimpleRealNVP, volume preserving, batch norm": (
        NFLOWS,
        lambda: SimpleRealNVP(5, 16, 3, 1, use_volume_preserving=True, batch_norm_between_layers=True),
    ),
    "nflows splines, permutations, LU": (NFLOWS, nflows_splines),
    "nflows mixed layers": (NFLOWS, nflows_mixed),
    "normflows blocks, exp": (NORMFLOWS, normflows_blocks),
    "normflows blocks, sigmoid": (NORMFLOWS, lambda: normflows_blocks(scale_map="sigmoid")),
    "normflows blocks, additive": (NORMFLOWS, lambda: normflows_blocks(scale=False)),
    "normflows MaskedAffineFlow": (NORMFLOWS, normflows_masked),
    "normflows split and merge": (NORMFLOWS, normflows_parts),
}


@dataclass(frozen=True)
class Trained:
    """A model after training, in float32 and eval mode.

    Arguments:
        library: how it is asked.
        module: the library's.
        features, context: what it takes.
        before, after: its loss before and after training, nats.
    """

    library: Library
    module: Any
    features: int
    context: int
    before: float
    after: float

    def exact(self) -> Any:
        """The module in float64."""
        exact = copy.deepcopy(self.module).double()
        for module in exact.modules():
            if isinstance(module, transforms.LULinear):
                # nflows makes what it caches in float32 whatever the weights are.
                module.use_cache(False)
        return exact


def sizes_of(module: Any) -> tuple[int, int]:
    """The numbers of features and of context columns of a model of these tests."""
    if isinstance(module, zuko.lazy.Flow):
        first = module.transform.transforms[0]
        features = module.base().event_shape[0]
        return features, first.hyper.in_features - (int(first.mask.sum()) if features > 1 else 0)
    return (module._distribution._shape[0] if isinstance(module, Flow) else module.q0.shape[0]), 0


@torch.enable_grad()
def train(name: str, steps: int = STEPS) -> Trained:
    """Builds a case and trains it with Adam."""
    library, make = CASES[name]
    torch.manual_seed(0)
    module: Any = make()
    if isinstance(module, normflows.NormalizingFlow):
        # As its documentation has it: the first batch initialises ActNorm.
        module.log_prob(rows(BATCH, module.q0.shape[0]))
    features, context = sizes_of(module)
    x, c = rows(8 * BATCH, features), contexts(8 * BATCH, context)
    if c is not None:
        x = x + 0.5 * c.sum(-1, keepdim=True)
    optimizer = torch.optim.Adam(module.parameters(), lr=3e-3)
    losses = []
    module.train()
    for step in range(steps):
        batch = slice(step % 8 * BATCH, (step % 8 + 1) * BATCH)
        loss = library.loss(module, x[batch], None if c is None else c[batch])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 5.0)
        optimizer.step()
        losses.append(loss.item())
    return Trained(library, module.eval(), features, context, losses[0], sum(losses[-8:]) / 8)
