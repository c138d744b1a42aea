"""Lean forms of the univariate bijections: what is constant in them is in a weight or a buffer."""

from __future__ import annotations

__all__ = ["ClampedAffine", "SigmoidScale"]

import math

import torch
from torch import Tensor, nn

from flowexport.flows import Affine, SigmoidAffine
from flowexport.flows.univariate.scaled import ShiftAndScale

from .operators import softsign


class ClampedAffine(ShiftAndScale):
    """`flowexport.flows.Affine` once the clamp's 1/cap is in its Linear: log scale = cap · softsign(a)."""

    cap: Tensor
    minus_cap: Tensor
    sizes = Affine.sizes

    def __init__(self, cap: float) -> None:
        super().__init__()
        self.register_buffer("cap", torch.tensor(cap, dtype=torch.float64))
        self.register_buffer("minus_cap", torch.tensor(-cap, dtype=torch.float64))

    def log_scale(self, raw: Tensor) -> Tensor:
        log_scale: Tensor = softsign(raw) * self.cap
        return log_scale

    def inverse_log_scale(self, raw: Tensor) -> Tensor:
        log_scale: Tensor = softsign(raw) * self.minus_cap
        return log_scale


class SigmoidScale(ShiftAndScale):
    """`flowexport.flows.SigmoidAffine` once its offset is in the bias of its Linear.

    Arguments:
        sigmoid: the bijection.
    """

    floor: Tensor
    span: Tensor
    log_span: Tensor
    sizes = SigmoidAffine.sizes

    def __init__(self, sigmoid: SigmoidAffine) -> None:
        super().__init__()
        self.has_floor = sigmoid.floor > 0
        self.shift_side = sigmoid.shift_side
        values = {"floor": sigmoid.floor, "span": sigmoid.span, "log_span": math.log(sigmoid.span)}
        for name, value in values.items():
            self.register_buffer(name, torch.tensor(value, dtype=torch.float64))

    def log_scale(self, raw: Tensor) -> Tensor:
        if not self.has_floor:
            return nn.functional.logsigmoid(raw) + self.log_span
        return (self.span * raw.sigmoid() + self.floor).log()
