"""From a trained flow to its program: the only place that sees the classes of `flowexport.flows`.

Each map gets the parameters that its shortest formula takes: the 1/cap of a clamp, cap · softsign(a / cap), is in the
matrix that makes a, and the offset of a sigmoid in its bias.
"""

from __future__ import annotations

__all__ = ["lower"]

import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from flowexport.errors import ExportError
from flowexport.flows import (
    Additive,
    Affine,
    Coupling,
    ExponentialAffine,
    Flow,
    GaussianMixture,
    HalvesStack,
    LULinear,
    Permutation,
    PerPart,
    RationalQuadraticSpline,
    SigmoidAffine,
    StandardNormal,
)
from flowexport.flows import Inverse as InverseMap
from flowexport.flows.bounds import Bounds
from flowexport.flows.conditioner import Conditioner, Constant, ContextConditioner, MaskedConditioner, ResidualBlock
from flowexport.flows.contracts import UnivariateMap
from flowexport.flows.diagonal import Elementwise
from flowexport.flows.univariate import AffineSpline

from . import program as p
from .activations import ACTIVATIONS
from .inverse import inverse_of
from .networks import columns_chosen, rows_chosen, width_read
from .opaque import opaque
from .program import Array, Program


@torch.no_grad()
def lower(flow: Flow) -> Program:
    """A trained flow on vectors as a program, which does not change with it.

    Raises:
        ExportError: for a layer that no program knows, and for a linear one without an inverse.
    """
    flow = copy.deepcopy(flow).double().cpu().eval()
    units = flow.standardize
    if units is None:
        raise ExportError("a flow of images has no program")
    features = flow.features
    layers: list[p.Layer] = [p.ScaleShift(1 / array(units.scale), np.zeros(features))]
    if flow.whiten is not None and flow.whiten.initialized:
        layers.append(mix(array(flow.whiten.matrix), np.zeros(features), float(flow.whiten.log_det())))
    every = np.arange(features)
    stack = flow.stack
    parts = [stack.first.long().numpy(), stack.second.long().numpy()] if isinstance(stack, HalvesStack) else [every]
    for layer, route in stack.steps():
        if route is None:
            layers += maps_between(layer, parts)
        else:
            layers.append(coupling(layer, parts[route[0]], parts[route[1]]))
    return Program(
        array(units.mean), tuple(columns_of(flow)), tuple(layers), base_of(flow.base), every, bounds_of(flow.bounds)
    )


def array(tensor: Tensor) -> Array:
    """A tensor's numbers, copied, so that nothing that changes the one changes the other."""
    return np.array(tensor.detach().numpy())


def bounds_of(bounds: Bounds | None) -> p.Bounds | None:
    if bounds is None:
        return None
    lower, upper = array(bounds.lower), array(bounds.upper)
    return p.Bounds(
        np.where(bounds.bounded_below.numpy(), lower, -np.inf), np.where(bounds.bounded_above.numpy(), upper, np.inf)
    )


def columns_of(flow: Flow) -> Iterator[p.Column]:
    units, encoder = flow.standardize_context, flow.encoder
    for column, count in enumerate(flow.categories if units is not None else ()):
        table = None
        if encoder is not None and count:
            known = str(column) in encoder.tables
            table = array(encoder.tables[str(column)]) if known else np.eye(count)
        yield p.Column(float(units.mean[column]), float(units.scale[column]), table)  # type: ignore[union-attr]


def base_of(base: StandardNormal | GaussianMixture) -> p.Base:
    if not isinstance(base, GaussianMixture):
        return p.Normal(base.features)
    numbers = base.logits.log_softmax(0), base.means, base.log_scales.exp(), base.thresholds()
    return p.Mixture(*map(array, numbers))


# Layers


def maps_between(layer: nn.Module, parts: list[Array]) -> Iterator[p.Layer]:
    """The layer that a `flowexport.flows.PerPart` is."""
    assert isinstance(layer, PerPart)
    first = layer.maps[0]
    if isinstance(first, Permutation):
        yield p.Reorder(first.order.numpy().copy())
    elif isinstance(first, LULinear):
        yield mix(array(first.weight()), array(first.bias), float(first.log_diagonal.sum()))
    elif isinstance(first, Elementwise):
        scale, shift = np.ones(sum(map(len, parts))), np.zeros(sum(map(len, parts)))
        for part, each in zip(parts, layer.maps, strict=True):
            assert isinstance(each, Elementwise)
            log_scale, by = each.coefficients()
            scale[part] = array(log_scale.exp())
            shift[part] = 0 if by is None else array(by)
        yield p.ScaleShift(scale, shift)
    else:
        raise ExportError(f"{type(first).__name__}: no program knows this layer")


def mix(weight: Array, bias: Array, log_det: float) -> p.Mix:
    """A linear layer, with the inverse of its matrix."""
    return p.Mix(weight, inverse_of(weight), bias, log_det)


def coupling(layer: nn.Module, kept: Array, moved: Array) -> p.Coupling:
    """A coupling of two parts, of which a mask may choose."""
    assert isinstance(layer, Coupling)
    conditioner, univariate = layer.conditioner, layer.univariate
    kind = map_of(univariate)
    if isinstance(conditioner, Constant):
        heads = {name: p.Dense(np.zeros((len(head), 0)), array(head)) for name, head in conditioner.heads.items()}
        return p.Coupling(moved[:0], moved, p.Network((), adapted(heads, univariate)), kind)
    mask = conditioner.mask.numpy() if isinstance(conditioner, MaskedConditioner) else None
    module = conditioner.network if isinstance(conditioner, MaskedConditioner) else conditioner
    if not isinstance(module, Conditioner):
        raise ExportError("no program knows this conditioner", key=type(module).__name__)
    heads = {name: dense(head) for name, head in module.heads.items()}
    network = p.Network(tuple(hidden_layers(module.trunk)), adapted(heads, univariate))
    if isinstance(conditioner, ContextConditioner):
        kept = kept[:0]
    if mask is not None:
        kept, moved = np.flatnonzero(mask), np.flatnonzero(~mask)
        columns = np.r_[kept, len(mask) : width_read(network)]
        network = rows_chosen(columns_chosen(network, columns), moved, module.sizes)
    return p.Coupling(kept, moved, network, kind)


def dense(linear: nn.Module) -> p.Dense:
    assert isinstance(linear, nn.Linear)
    return p.Dense(array(linear.weight), array(linear.bias))


def hidden_layers(trunk: nn.Sequential) -> Iterator[p.Hidden]:
    """Hidden layers, without those that are nothing once a flow is trained."""
    for module in trunk:
        name = type(module).__name__
        if isinstance(module, nn.Linear):
            yield dense(module)
        elif isinstance(module, nn.LayerNorm):
            yield p.LayerNorm(array(module.weight), array(module.bias), module.eps)
        elif isinstance(module, ResidualBlock):
            yield p.Residual(tuple(hidden_layers(module.branch)))
        elif name in ACTIVATIONS and type(module).__module__.startswith("torch.nn"):
            yield p.Activation(name)
        elif not isinstance(module, nn.Dropout):
            raise ExportError("no program knows this hidden layer", key=name)


# Maps

KNOWN = {Additive, Affine, AffineSpline, ExponentialAffine, InverseMap, RationalQuadraticSpline, SigmoidAffine}


def map_of(univariate: UnivariateMap) -> p.Map:
    """The map of a coupling; one that is none of the known kinds, or a child of one, is opaque."""
    if type(univariate) not in KNOWN:
        assert isinstance(univariate, nn.Module)
        return opaque(univariate, univariate.sizes)
    match univariate:
        case InverseMap():
            return p.Inverse(map_of(univariate.univariate))
        case Additive():
            return p.Shift()
        case Affine():
            return p.Scaled(p.Clamp(univariate.cap))
        case ExponentialAffine():
            return p.Scaled(p.Free())
        case SigmoidAffine():
            return p.Scaled(p.Sigmoid(float(univariate.floor), univariate.span), univariate.shift_side)  # type: ignore[arg-type]
        case RationalQuadraticSpline():
            return p.Spline(univariate.bins, float(univariate.bound), univariate.constraint, univariate.slope)
        case AffineSpline():
            return p.Chain((map_of(univariate.affine), map_of(univariate.spline)))
    raise AssertionError(univariate)


def adapted(heads: dict[str, p.Dense], univariate: object) -> dict[str, p.Dense]:
    """The heads of a map, with what is constant in its formula."""
    if type(univariate) not in KNOWN:
        return heads
    match univariate:
        case InverseMap():
            return adapted(heads, univariate.univariate)
        case AffineSpline():
            return adapted(heads, univariate.affine)
        case Affine():
            head = heads["log_scale"]
            return heads | {"log_scale": p.Dense(head.weight / univariate.cap, head.bias / univariate.cap)}
        case SigmoidAffine():
            head = heads["scale"]
            return heads | {"scale": p.Dense(head.weight, head.bias + univariate.offset)}
    return heads
