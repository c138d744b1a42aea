"""Adopts coupling flows that were built and trained with zuko."""

from __future__ import annotations

__all__ = ["from_zuko", "zuko_numbers"]

from collections.abc import Callable, Mapping
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from flowexport.errors import ArgumentError, extras_named
from flowexport.flows import Additive, Affine, Flow, RationalQuadraticSpline
from flowexport.flows.contracts import UnivariateMap
from flowexport.flows.realnvp import ACTIVATIONS

from .construct import Constructors
from .layers import Layer, Trunk, coupling, elementwise, taken_apart
from .networks import sequential
from .original import Original, adopted, exact_copy

if TYPE_CHECKING:
    import zuko

Kind = tuple[Callable[..., UnivariateMap], set[str], list[tuple[int, ...]]]

KINDS: dict[str, Kind] = {
    "AdditiveTransform": (Additive, set(), [()]),
    "MonotonicAffineTransform": (Affine, {"slope"}, [(), ()]),
    "MonotonicRQSTransform": (RationalQuadraticSpline, {"bound", "slope"}, []),
}
"""zuko's univariate transforms that are known here: ours, the arguments that it takes, the shapes of its parameters."""


def from_zuko(flow: zuko.flows.Flow) -> Flow:
    """The same density, as a flowexport flow, from the weights of a trained zuko flow of couplings.

    Taken are ``RealNVP`` and ``NICE``, and any ``Flow`` of ``GeneralCouplingTransform`` (of ``ElementWiseTransform``
    for a single feature): affine, additive and rational-quadratic univariate transforms with their own slope and bound,
    any masks, context, ``normalize=True``; a diagonal normal as base. In float64 the adopted flow is held to zuko's own
    log_prob and samples before it is returned.

    Arguments:
        flow: the trained flow; it is not changed.

    Raises:
        ArgumentError: for anything else, by name and position, or where the numbers differ.
        MissingExtra: where zuko is not installed.
    """
    original, exact = zuko_numbers(flow), exact_copy(flow)
    return adopted(flow, original, layers_of(exact, original.context))


def zuko_numbers(flow: zuko.flows.Flow) -> Original:
    """What zuko says of a flow, in float64.

    Raises:
        ArgumentError: where it is not a zuko flow with a diagonal normal as base.
    """
    with extras_named():
        import zuko
    if not isinstance(flow, zuko.lazy.Flow):
        raise ArgumentError(f"zuko {type(flow).__name__} cannot be adopted, only RealNVP, NICE and flows of couplings")
    exact = exact_copy(flow)
    loc, scale = base_of(exact)

    @torch.no_grad()
    def log_prob(x: Tensor, context: Tensor | None) -> Tensor:
        log_prob: Tensor = exact(context).log_prob(x)
        return log_prob

    @torch.no_grad()
    def sample_and_log_prob(z: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        distribution = exact(context)
        u = loc + scale * z
        x, log_det = distribution.transform.inv.call_and_ladj(u)
        return x, distribution.base.log_prob(u) - log_det

    context = context_of(layers_in(exact))
    return Original(f"zuko {metadata.version('zuko')}", len(loc), context, log_prob, sample_and_log_prob)


def base_of(flow: zuko.lazy.Flow) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the base, ``[features]`` each."""
    import zuko

    base = flow.base() if isinstance(flow.base, zuko.lazy.UnconditionalDistribution) else flow.base
    if not isinstance(base, zuko.distributions.DiagNormal):
        raise ArgumentError(f"zuko base {type(base).__name__} cannot be adopted, only DiagNormal")
    return base.base_dist.loc, base.base_dist.scale


def layers_in(flow: zuko.lazy.Flow) -> list[zuko.lazy.LazyTransform]:
    """The transforms of a flow, in the order x → z."""
    return list(getattr(flow.transform, "transforms", [flow.transform]))


def context_of(layers: list[zuko.lazy.LazyTransform]) -> int:
    """The number of context columns, from the first layer that has a network."""
    for layer in layers:
        if hasattr(layer, "hyper"):
            context: int = layer.hyper.in_features - (int(layer.mask.sum()) if hasattr(layer, "mask") else 0)
            return context
    return 0


def layers_of(flow: zuko.lazy.Flow, context: int) -> list[Layer]:
    """The layers of a flow in neutral terms."""
    loc, scale = base_of(flow)
    layers = [layer_of(position, layer, len(loc), context) for position, layer in enumerate(layers_in(flow))]
    if bool((loc != 0).any() | (scale != 1).any()):
        layers.append(elementwise("DiagonalNormal", {"mean": loc, "log_scale": scale.log()}))
    return layers


def layer_of(position: int, layer: zuko.lazy.LazyTransform, features: int, context: int) -> Layer:
    """One transform in neutral terms."""
    import zuko

    where = f"zuko {type(layer).__name__} at position {position}"
    kinds = zuko.flows.coupling.GeneralCouplingTransform, zuko.flows.gaussianization.ElementWiseTransform
    if isinstance(layer, zuko.flows.autoregressive.MaskedAutoregressiveTransform):
        raise ArgumentError("sampling is sequential, not exportable as one pass", key=where)
    if type(layer) not in kinds or (isinstance(layer, kinds[1]) and features > 1):
        raise ArgumentError(f"{where} cannot be adopted, only couplings (GeneralCouplingTransform)")
    univariate = univariate_of(where, layer.univariate, [tuple(shape) for shape in layer.shapes])
    if not hasattr(layer, "hyper"):
        constants = zip(univariate.sizes, layer.phi, strict=True)
        heads = {name: (value.new_zeros(value.numel(), 0), value.detach().flatten()) for name, value in constants}
        return coupling(None, univariate, Trunk([]), heads)
    mask = getattr(layer, "mask", None)
    if context_of([layer]) != context:
        raise ArgumentError(
            f"takes a context of {context_of([layer])} columns, the first layer one of {context}", key=where
        )
    trunk, last = sequential(where, layer.hyper, zuko.nn.Linear, zuko.nn.LayerNorm)
    return coupling(mask, univariate, trunk, taken_apart(last, univariate.sizes))


def univariate_of(where: str, made_by: object, shapes: list[tuple[int, ...]]) -> UnivariateMap:
    """Our univariate map for zuko's constructor of one and the shapes of its parameters."""
    import zuko

    options: Mapping[str, object] = {}
    name = getattr(made_by, "__name__", None) or repr(made_by)
    if isinstance(made_by, partial):
        if made_by.args:
            raise ArgumentError(f"univariate {made_by!r} cannot be adopted: it has arguments without names", key=where)
        options, made_by = made_by.keywords, made_by.func
        name = getattr(made_by, "__name__", repr(made_by))
    kinds: dict[object, Kind] = {getattr(zuko.transforms, known): kind for known, kind in KINDS.items()}
    if made_by not in kinds:
        raise ArgumentError(f"univariate {name} cannot be adopted, only {', '.join(KINDS)}", key=where)
    ours, allowed, expected = kinds[made_by]
    if not options.keys() <= allowed:
        raise ArgumentError(f"{name} with {', '.join(options.keys() - allowed)} cannot be adopted", key=where)
    if ours is RationalQuadraticSpline:
        bins = shapes[0][0] if shapes and shapes[0] else 0
        expected, options = [(bins,), (bins,), (bins - 1,)], {"bins": bins, **options}
    if shapes != expected:
        raise ArgumentError(f"{name} with shapes {shapes} cannot be adopted, expected {expected}", key=where)
    return ours(**options)


def constructors() -> Constructors:
    """The classes that a file of arguments can name."""
    import zuko

    def diagonal_normal(features: int) -> zuko.lazy.UnconditionalDistribution:
        zeros, ones = torch.zeros(features), torch.ones(features)
        return zuko.lazy.UnconditionalDistribution(zuko.distributions.DiagNormal, zeros, ones, buffer=True)

    return {
        "DiagNormal": diagonal_normal,
        "Flow": zuko.lazy.Flow,
        "GeneralCouplingTransform": zuko.flows.coupling.GeneralCouplingTransform,
        "NICE": zuko.flows.NICE,
        "RealNVP": zuko.flows.RealNVP,
        **{name: partial(partial, getattr(zuko.transforms, name)) for name in KINDS},
        **{name: partial(partial, kind) for name, kind in ACTIVATIONS.items()},
    }
