r"""Splines on an interval of length one, with one head for all of their parameters.

A spline on [−B, B] is a division by 2B, a spline on [−1/2, 1/2] and the product with 2B. Between two splines of one
bound these cancel. There is no shift to [0, 1], which would cost digits near the middle.

Of the constraint ``"clamp"`` the head has the softsign too: :math:`a / (1 + |a / c|) = c \, \mathrm{softsign}(a / c)`,
so that the division by c is in its weights.
"""

from __future__ import annotations

__all__ = ["unit_splines"]

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from ..maps import zero_derivative
from ..networks import width_read, with_first, with_heads
from ..program import (
    Array,
    Chain,
    Coupling,
    Dense,
    Inverse,
    Layer,
    Map,
    Network,
    Program,
    ScaleShift,
    Spline,
    UnitSpline,
)


def unit_splines(program: Program) -> Program:
    """A program → one with `UnitSpline` in place of `Spline`, between two `ScaleShift`."""
    return replace(program, layers=tuple(unit for layer in program.layers for unit in on_unit(layer, program.features)))


def on_unit(layer: Layer, features: int) -> Iterator[Layer]:
    spline = spline_of(layer.map) if isinstance(layer, Coupling) else None
    if spline is None or not isinstance(layer, Coupling):
        yield layer
        return
    length = 2 * spline.bound
    nothing, width = np.zeros(features), len(layer.reads)
    network = layer.network
    if width:
        stretched = np.r_[np.full(width, length), np.ones(width_read(network) - width)]
        network = with_first(network, lambda dense: Dense(dense.weight * stretched, dense.bias))
    if "shift" in network.heads:
        network = with_heads(network, shift=lambda head: Dense(head.weight / length, head.bias / length))
    yield ScaleShift(np.full(features, 1 / length), nothing)
    yield replace(layer, network=joined(network, spline), map=with_unit(layer.map))
    yield ScaleShift(np.full(features, length), nothing)


def spline_of(kind: Map) -> Spline | None:
    """The spline in a map, if there is one."""
    match kind:
        case Spline():
            return kind
        case Inverse():
            return spline_of(kind.map)
        case Chain():
            return next(filter(None, map(spline_of, kind.maps)), None)
    return None


def with_unit(kind: Map) -> Map:
    """The map with its spline on the unit interval."""
    match kind:
        case Spline():
            return UnitSpline(kind.bins, kind.constraint, kind.slope)
        case Inverse():
            return Inverse(with_unit(kind.map))
        case Chain():
            return Chain(tuple(map(with_unit, kind.maps)))
    return kind


def joined(network: Network, spline: Spline) -> Network:
    """One head in place of those of widths, heights and derivatives."""
    of_spline = [network.heads[name] for name in spline.sizes]
    bias = side_by_side(spline, [head.bias for head in of_spline])
    if spline.constraint == "floor":
        # The softplus is shifted so that zero gives a derivative of one.
        bias.reshape(-1, 4, spline.bins)[:, 2:] += zero_derivative(spline.slope)
    weight = side_by_side(spline, [head.weight for head in of_spline])
    others: Mapping[str, Dense] = {name: head for name, head in network.heads.items() if name not in spline.sizes}
    return Network(network.trunk, {**others, "bins": Dense(weight, bias)})


def side_by_side(spline: Spline, parameters: list[Array]) -> Array:
    """``[features · size, *]`` of widths, heights and inner derivatives → ``[features · 4 · bins, *]``."""
    sizes, rest = spline.sizes.values(), parameters[0].shape[1:]
    # Of a single feature without a context a head has no columns, so that no size can be left to be found.
    features = len(parameters[0]) // spline.bins
    widths, heights, inner = (each.reshape(features, size, *rest) for each, size in zip(parameters, sizes, strict=True))
    if spline.constraint == "clamp":
        cap = -math.log(spline.slope)
        widths, heights, inner = widths * (2 / cap), heights * (2 / cap), inner / cap
    # Zeros make a derivative of one, at the ends of the interval.
    end = np.zeros_like(inner[:, :1])
    ends = np.concatenate([end, inner], axis=1), np.concatenate([inner, end], axis=1)
    return np.stack([widths, heights, *ends], axis=1).reshape(features * 4 * spline.bins, *rest)
