"""The fold of halves: a short vector stays one tensor, and is neither split nor joined.

Each coupling then reads and moves the whole vector, with columns of zeros for what it does not see and rows of zeros
for what it does not move, whose shift and log scale are zero. A few more numbers a row take less time than the
operators that split and join.
"""

from __future__ import annotations

__all__ = ["fold_halves"]

from typing import Any

import torch
from torch import Tensor

from flowexport.flows import Additive, ExponentialAffine, HalvesStack, WholeStack
from flowexport.flows.conditioner import Constant

from .lean import LeanFlow
from .networks import bijection, first_linears, frozen, reads_features, set_weight
from .univariates import ClampedAffine

SHORT = 16
"""Features up to which a row costs less whole, whatever its layers: at 64 the products of zeros take more."""

ZERO_IS_IDENTITY = (Additive, ClampedAffine, ExponentialAffine)
"""The bijections that do nothing by parameters of zero, and cost little."""


def fold_halves(lean: LeanFlow) -> None:
    """Puts the two halves of a short vector together."""
    stack = lean.stack
    if type(stack) is not HalvesStack or lean.event_shape[0] > SHORT:
        return
    if not all(isinstance(bijection(layer), ZERO_IS_IDENTITY) for layer in stack.layers):
        return
    halves = stack.first.long(), stack.second.long()
    for layer, route in stack.steps():
        assert route is not None
        kept, moved = (halves[part] for part in route)
        if reads_features(layer.conditioner):
            for linear in first_linears(layer.conditioner):
                features, context = linear.weight.tensor_split([len(kept)], dim=1)
                set_weight(linear, torch.cat([spread(features.T, kept, lean).T, context], dim=1))
        spread_heads(layer.conditioner, moved, lean)
    lean.stack = WholeStack(stack.layers)


def spread_heads(conditioner: Any, moved: Tensor, lean: LeanFlow) -> None:
    """Gives every head a row of zeros for each feature that is not moved."""
    heads = conditioner.heads
    for name, head in heads.items():
        if isinstance(conditioner, Constant):
            heads[name] = frozen(spread(head, moved, lean))
            continue
        set_weight(head, spread(head.weight, moved, lean))
        head.bias = frozen(spread(head.bias, moved, lean))


def spread(rows: Tensor, features: Tensor, lean: LeanFlow) -> Tensor:
    """``[features of a half, *]`` → ``[features, *]``, with zeros for those of the other half."""
    return rows.new_zeros(lean.event_shape[0], *rows.shape[1:]).index_copy(0, features, rows)
