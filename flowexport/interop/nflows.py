"""Adopts coupling flows that were built and trained with nflows."""

from __future__ import annotations

__all__ = ["from_nflows", "nflows_numbers"]

import math
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from flowexport.errors import ArgumentError, extras_named
from flowexport.flows import Additive, Flow, RationalQuadraticSpline, SigmoidAffine
from flowexport.flows.contracts import UnivariateMap
from flowexport.flows.realnvp import ACTIVATIONS

from .construct import Constructors
from .layers import Affine, Layer, coupling, elementwise, lu_linear, permutation, taken_apart
from .networks import residual
from .original import Original, adopted, exact_copy

if TYPE_CHECKING:
    import nflows.flows
    from nflows.transforms import Transform

FLOOR = 1e-3
"""What nflows adds to the sigmoid of its affine scale, so that scales lie between it and one more."""

OFFSET = 2.0
"""What it adds before the sigmoid."""


def from_nflows(flow: nflows.flows.Flow) -> Flow:
    """The same density, as a flowexport flow, from the weights of a trained nflows flow of couplings.

    Taken are ``SimpleRealNVP``, and any ``Flow`` of affine, additive and rational-quadratic couplings (linear tails)
    whose networks are ``ResidualNet``, of permutations, ``LULinear``, ``BatchNorm``, ``ActNorm`` and
    ``PointwiseAffineTransform``, nested or not; ``StandardNormal`` or ``DiagonalNormal`` as base. In float64 the
    adopted flow is held to nflows' own log_prob and inverse before it is returned.

    Arguments:
        flow: the trained flow; it is not changed. BatchNorm counts with its running statistics.

    Raises:
        ArgumentError: for anything else, by name and position, or where the numbers differ.
        MissingExtra: where nflows is not installed.
    """
    return adopted(flow, nflows_numbers(flow), layers_of(copied(flow)))


def nflows_numbers(flow: nflows.flows.Flow) -> Original:
    """What nflows says of a flow, in float64.

    Raises:
        ArgumentError: where it is not an nflows flow, takes a context, or has another base.
    """
    with extras_named():
        import nflows.flows
    if not isinstance(flow, nflows.flows.Flow):
        raise ArgumentError(
            f"nflows {type(flow).__name__} cannot be adopted, only SimpleRealNVP and flows of couplings"
        )
    if not isinstance(flow._embedding_net, nn.Identity):
        raise ArgumentError(f"nflows embedding net {type(flow._embedding_net).__name__}: a context cannot be adopted")
    exact = copied(flow)
    mean, log_scale = base_of(exact)

    @torch.no_grad()
    def log_prob(x: Tensor, _: Tensor | None) -> Tensor:
        log_prob: Tensor = exact.log_prob(x)
        return log_prob

    @torch.no_grad()
    def sample_and_log_prob(z: Tensor, _: Tensor | None) -> tuple[Tensor, Tensor]:
        u = mean + log_scale.exp() * z
        x, log_det = exact._transform.inverse(u)
        return x, exact._distribution.log_prob(u) - log_det

    return Original(f"nflows {metadata.version('nflows')}", len(mean), 0, log_prob, sample_and_log_prob)


def copied(flow: nflows.flows.Flow) -> nflows.flows.Flow:
    """An exact copy whose linear layers cache nothing: what is cached has gradients, and nflows makes it in float32."""
    from nflows.transforms.linear import Linear, LinearCache

    linears = [module for module in flow.modules() if isinstance(module, Linear)]
    exact = exact_copy(flow, {id(linear.cache): LinearCache() for linear in linears})
    for module in exact.modules():
        if isinstance(module, Linear):
            module.use_cache(False)
    return exact


def base_of(flow: nflows.flows.Flow) -> tuple[Tensor, Tensor]:
    """Mean and ln standard deviation of the base, ``[features]`` each."""
    from nflows.distributions import normal

    base = flow._distribution
    if isinstance(base, normal.StandardNormal) and len(base._shape) == 1:
        zeros = torch.zeros(base._shape[0], dtype=torch.float64)
        return zeros, zeros
    if isinstance(base, normal.DiagonalNormal) and len(base._shape) == 1:
        return base.mean_[0], base.log_std_[0]
    raise ArgumentError(f"nflows base {type(base).__name__} cannot be adopted, only StandardNormal and DiagonalNormal")


def layers_of(flow: nflows.flows.Flow) -> list[Layer]:
    """The layers of a flow in neutral terms."""
    mean, log_scale = base_of(flow)
    layers = [layer_of(where, transform, len(mean)) for where, transform in placed([flow._transform])]
    if bool((mean != 0).any() | (log_scale != 0).any()):
        layers.append(elementwise("DiagonalNormal", {"mean": mean, "log_scale": log_scale}))
    return layers


def placed(transforms: Iterable[Transform], outer: str = "") -> Iterator[tuple[str, Transform]]:
    """Every transform with its name and position; ``1.0`` is the first of a composite at position 1.

    A flow's only transform, which most often is the composite of all, has no position of its own.
    """
    from nflows.transforms.base import CompositeTransform

    transforms = list(transforms)
    for number, transform in enumerate(transforms):
        position = f"{outer}{number}"
        if type(transform) is CompositeTransform:
            yield from placed(transform._transforms, f"{position}." if outer or len(transforms) > 1 else "")
        else:
            yield f"nflows {type(transform).__name__} at position {position}", transform


def layer_of(where: str, transform: Transform, features: int) -> Layer:
    """One transform in neutral terms."""
    from nflows.transforms import autoregressive, coupling, lu, normalization, permutations, standard

    if isinstance(transform, autoregressive.AutoregressiveTransform):
        raise ArgumentError("sampling is sequential, not exportable as one pass", key=where)
    kind = type(transform)
    if issubclass(kind, coupling.CouplingTransform):
        return coupling_of(where, transform)
    if issubclass(kind, permutations.Permutation) and transform._dim == 1:
        return permutation(transform._permutation)
    if kind is lu.LULinear:
        lower, upper = transform._create_lower_upper()
        return lu_linear(lower, upper, transform.bias)
    if kind is normalization.ActNorm:
        names = ("log_scale", "shift", "initialized")
        return elementwise("ActNorm", {name: getattr(transform, name) for name in names})
    if kind is normalization.BatchNorm:
        return batch_norm(transform)
    if kind is standard.PointwiseAffineTransform:
        scale, shift = (each.expand(features) for each in (transform._scale, transform._shift))
        return elementwise("ActNorm", {"log_scale": scale.log(), "shift": shift, "initialized": torch.tensor(True)})
    raise ArgumentError(f"{where} cannot be adopted, only couplings, permutations, LULinear, BatchNorm and ActNorm")


def batch_norm(transform: Transform) -> Layer:
    """A BatchNorm by its running statistics."""
    tensors = {
        "log_scale": transform.weight.log(),
        "shift": transform.bias,
        "mean": transform.running_mean,
        "variance": transform.running_var,
    }
    usual = (transform.momentum, transform.eps) == (0.1, 1e-5)
    return elementwise(
        "BatchNorm", tensors, **({} if usual else {"momentum": transform.momentum, "epsilon": transform.eps})
    )


def coupling_of(where: str, transform: Transform) -> Layer:
    """A coupling: what its network says, as the parameters of our univariate maps."""
    from nflows.nn.nets import ResidualNet
    from nflows.transforms import coupling as kinds

    if transform.unconditional_transform is not None:
        raise ArgumentError("apply_unconditional_transform cannot be adopted", key=where)
    if type(transform.transform_net) is not ResidualNet:
        name = type(transform.transform_net).__name__
        raise ArgumentError(f"the network {name} cannot be adopted, only ResidualNet", key=where)
    trunk, last = residual(where, transform.transform_net)
    mask = torch.zeros(transform.features, dtype=torch.bool)
    mask[transform.identity_features] = True
    univariate: UnivariateMap
    if type(transform) is kinds.AdditiveCouplingTransform:
        univariate, heads = Additive(), {"shift": last}
    elif type(transform) is kinds.AffineCouplingTransform:
        univariate = SigmoidAffine(FLOOR, 1 + FLOOR)
        (shift, scale), (shift_bias, scale_bias) = (part.chunk(2) for part in last)
        heads = {"shift": (shift, shift_bias), "scale": (scale, scale_bias + OFFSET - univariate.offset)}
    elif type(transform) is kinds.PiecewiseRationalQuadraticCouplingTransform:
        univariate = spline_of(where, transform)
        heads = spline_heads(univariate, taken_apart(last, univariate.sizes), len(trunk.linears[0][1]))
    else:
        raise ArgumentError(f"{where} cannot be adopted, only affine, additive and rational-quadratic couplings")
    return coupling(mask, univariate, trunk, heads)


def spline_of(where: str, transform: Transform) -> RationalQuadraticSpline:
    """Our spline of the same bins."""
    if transform.tails != "linear":
        raise ArgumentError(f"tails={transform.tails!r} cannot be adopted, only 'linear'", key=where)
    slopes = {transform.min_bin_width, transform.min_bin_height, transform.min_derivative}
    if len(slopes) > 1:
        raise ArgumentError("min_bin_width, min_bin_height and min_derivative that differ cannot be adopted", key=where)
    return RationalQuadraticSpline(transform.num_bins, float(transform.tail_bound), "floor", slopes.pop())


def spline_heads(spline: RationalQuadraticSpline, heads: dict[str, Affine], width: int) -> dict[str, Affine]:
    """nflows divides raw widths and heights by √width of the network; our zero derivative is a slope of one."""
    for name in ("widths", "heights"):
        weight, bias = heads[name]
        heads[name] = weight / math.sqrt(width), bias / math.sqrt(width)
    weight, bias = heads["derivatives"]
    return {**heads, "derivatives": (weight, bias - math.log(math.expm1(1 - spline.slope)))}


def constructors() -> Constructors:
    """The classes that a file of arguments can name; a network is spelt without the widths of its ends."""
    from nflows import distributions, flows, transforms
    from nflows.nn.nets import ResidualNet

    def network(**arguments: object) -> Callable[[int, int], nn.Module]:
        return lambda in_features, out_features: ResidualNet(in_features, out_features, **arguments)

    def pointwise(shift: object = 0.0, scale: object = 1.0) -> Transform:
        return transforms.PointwiseAffineTransform(torch.tensor(shift), torch.tensor(scale))

    def square(features: int) -> Transform:
        # Its indices are made by numpy, uncounted: this is counted in their place.
        torch.empty(features, features)
        return transforms.LULinear(features)

    names = (
        "ActNorm AdditiveCouplingTransform AffineCouplingTransform BatchNorm CompositeTransform "
        "PiecewiseRationalQuadraticCouplingTransform RandomPermutation ReversePermutation"
    )
    return {
        **{name: getattr(transforms, name) for name in names.split()},
        "DiagonalNormal": distributions.DiagonalNormal,
        "Flow": flows.Flow,
        "LULinear": square,
        "PointwiseAffineTransform": pointwise,
        "ResidualNet": network,
        "SimpleRealNVP": flows.SimpleRealNVP,
        "StandardNormal": distributions.StandardNormal,
        **ACTIVATIONS,
    }
