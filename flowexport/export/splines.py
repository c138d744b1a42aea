r"""The fold of splines: one head for all parameters of one, on an interval of length one.

A spline on [−B, B] is a division by 2B, a spline on [−1/2, 1/2] and the product with 2B. As diagonal layers these
vanish in `flowexport.export.diagonals`: between two splines of one bound they cancel each other, and conditioners take
them into their first Linears. There is no shift to [0, 1], which would cost digits near the middle.

The head has 4 · bins numbers a feature, in the order of `flowexport.export.univariates.UnitSpline`. Of the constraint
``"clamp"`` it has the softsign too: :math:`a / (1 + |a / c|) = c \, \mathrm{softsign}(a / c)`, so that the division by
c is in its weights.
"""

from __future__ import annotations

__all__ = ["fold_splines"]

import math
from typing import Any

import torch
from torch import Tensor, nn

from flowexport.flows import Inverse, PerPart, RationalQuadraticSpline
from flowexport.flows.conditioner import Constant, MaskedConditioner

from .lean import Diagonal, LeanFlow
from .networks import bijection, first_linears, frozen, head_parameters, inner, reads_features
from .univariates import SoftsignLinear, UnitSpline


def fold_splines(lean: LeanFlow) -> None:
    """Gives every spline one head in place of three, and an interval of length one."""
    layers: list[nn.Module] = []
    for layer, route in lean.stack.steps():
        spline = spline_of(layer)
        # A mask would take the offset out of the biases too.
        if spline is None or route is None or (spline.constraint == "floor" and is_masked(layer)):
            layers.append(layer)
            continue
        join_heads(layer, spline)
        layer.univariate = Inverse(UnitSpline(spline)) if is_inverse(layer) else UnitSpline(spline)
        kept, moved = route
        length = 2 * spline.bound
        if kept == moved and reads_features(layer.conditioner):
            for linear in first_linears(layer.conditioner):
                linear.weight[:, : lean.event_shape[0]] *= length
        layers += [scaling(lean, moved, 1 / length), layer, scaling(lean, moved, length)]
    lean.stack.layers = nn.ModuleList(layers)


def is_inverse(layer: Any) -> bool:
    return isinstance(layer.univariate, Inverse)


def is_masked(layer: Any) -> bool:
    return isinstance(layer.conditioner, MaskedConditioner)


def spline_of(layer: Any) -> RationalQuadraticSpline | None:
    """The spline of a coupling, in whichever direction, if it has one."""
    univariate = bijection(layer)
    return univariate if isinstance(univariate, RationalQuadraticSpline) else None


def scaling(lean: LeanFlow, moved: int, scale: float) -> PerPart:
    """A layer that multiplies one part, and leaves the others as they are."""
    parts = lean.stack.split(torch.ones(lean.event_shape, dtype=torch.float64))
    scales = [part * scale if number == moved else part for number, part in enumerate(parts)]
    return PerPart(Diagonal(each, torch.zeros_like(each)) for each in scales)


def join_heads(coupling: Any, spline: RationalQuadraticSpline) -> None:
    """Puts one head in place of those of widths, heights and derivatives."""
    network = inner(coupling.conditioner)
    *weights, biases = zip(*(head_parameters(coupling, name) for name in spline.sizes), strict=True)
    bias = joined(spline, biases)
    if spline.constraint == "floor":
        # The softplus is shifted so that zero gives a derivative of one.
        bias.unflatten(0, (-1, 4, spline.bins))[:, 2:] += math.log(math.expm1(1 - spline.slope))
    network.sizes = {"bins": 4 * spline.bins}
    if isinstance(network, Constant):
        clamped = nn.functional.softsign(bias) if spline.constraint == "clamp" else bias
        network.heads = nn.ParameterDict({"bins": frozen(clamped)})
        return
    weight = joined(spline, weights[0])
    kind = SoftsignLinear if spline.constraint == "clamp" else nn.Linear
    head = kind(weight.shape[1], weight.shape[0], dtype=torch.float64).requires_grad_(False)
    head.weight.copy_(weight)
    head.bias.copy_(bias)
    network.heads = nn.ModuleDict({"bins": head})


def joined(spline: RationalQuadraticSpline, parameters: tuple[Tensor, ...]) -> Tensor:
    """``[features · size, *]`` of widths, heights and inner derivatives → ``[features · 4 · bins, *]``."""
    sizes = spline.sizes.values()
    widths, heights, inner = (each.unflatten(0, (-1, size)) for each, size in zip(parameters, sizes, strict=True))
    if spline.constraint == "clamp":
        cap = -math.log(spline.slope)
        widths, heights, inner = widths * (2 / cap), heights * (2 / cap), inner / cap
    # Zeros make a derivative of one, at the ends of the interval.
    end = torch.zeros_like(inner[:, :1])
    ends = torch.cat([end, inner], dim=1), torch.cat([inner, end], dim=1)
    return torch.stack([widths, heights, *ends], dim=1).flatten(0, 2)
