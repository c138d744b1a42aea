"""Lean forms of the univariate bijections: what is constant in them is in a weight or a buffer."""

from __future__ import annotations

__all__ = ["ClampedAffine", "SigmoidScale", "SoftsignLinear", "UnitSpline"]

import math

import torch
from torch import Tensor, nn

from flowexport.flows import Affine, RationalQuadraticSpline, SigmoidAffine
from flowexport.flows.univariate.scaled import ShiftAndScale
from flowexport.flows.univariate.spline import forward_in_bin, inverse_in_bin

from .operators import softsign

HALF = 0.5
"""Exact in any type, so it need not be a buffer."""


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
        return softsign(raw) * self.cap

    def inverse_log_scale(self, raw: Tensor) -> Tensor:
        return softsign(raw) * self.minus_cap


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


class UnitSpline(nn.Module):
    """`flowexport.flows.RationalQuadraticSpline` on [−1/2, 1/2], with one head for all of its parameters.

    A feature has 4 · bins numbers: raw widths, raw heights, and the raw derivative at the left and at the right end
    of every bin, so that all six numbers of the bin that holds a point are picked by one product and one sum. The
    derivatives at the ends of the interval are among them, with weights of zero. Points outside are moved to the
    nearer end, and back.

    Arguments:
        spline: the bijection.
    """

    cap: Tensor
    half_cap: Tensor
    slope: Tensor
    free: Tensor
    ones: Tensor
    left: Tensor
    steps: Tensor

    def __init__(self, spline: RationalQuadraticSpline) -> None:
        super().__init__()
        bins = spline.bins
        self.bins, self.constraint = bins, spline.constraint
        self.sizes = {"bins": 4 * bins}
        cap = -math.log(spline.slope)
        values = {"cap": cap, "half_cap": cap / 2, "slope": spline.slope, "free": 1 - spline.slope * bins}
        for name, value in values.items():
            self.register_buffer(name, torch.tensor(value, dtype=torch.float64))
        ones = torch.ones(bins, bins, dtype=torch.float64)
        self.register_buffer("ones", ones[:, :1])
        # Half of the lengths on the left less half of those on the right: near the middle, where the rows are, this
        # keeps the digits that a sum from the left end loses. The first knot is doubled here and halved when it is
        # picked: rounding must not put it within the interval, where a point at the end would not reach it.
        doubled = torch.ones(bins, dtype=torch.float64)
        doubled[0] = 2
        self.register_buffer("left", (ones.triu(1) - HALF) * doubled)
        # Takes "the left end is reached", bin by bin, to "this is the bin", for all six numbers of one.
        steps = torch.eye(bins, dtype=torch.float64) - ones.triu(1).tril(1).T
        self.register_buffer("steps", torch.cat([*[steps / doubled] * 2, *[steps] * 4], dim=1))

    def forward_and_log_det(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        point = x.clamp(-HALF, HALF)
        y, slope = forward_in_bin(point[..., None, None], *self.bin_of(point, 0, raw))
        return y.flatten(-3) + (x - point), self.log_det(slope, x)

    def inverse_and_log_det(self, y: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        point = y.clamp(-HALF, HALF)
        x, slope = inverse_in_bin(point[..., None, None], *self.bin_of(point, 1, raw))
        return x.flatten(-3) + (y - point), -self.log_det(slope, y)

    @staticmethod
    def log_det(slope: Tensor, at: Tensor) -> Tensor:
        """ln of a slope, and 0 outside: the slope of the end is one but for what rounding makes of a narrow bin."""
        return torch.where(at.abs() < HALF, slope.flatten(-3).log(), 0)

    def bin_of(self, point: Tensor, axis: int, raw: Tensor) -> list[Tensor]:
        """Of the bin of each point: x₀, width, y₀, height, both derivatives, ``[*, features, 1, 1]`` each.

        Arguments:
            point: ``[*, features]``, between the ends.
            axis: 0 for a point x, 1 for a y.
            raw: ``[*, features, 4 · bins]``.
        """
        lengths, derivatives = raw.unflatten(-1, (4, self.bins)).split(2, dim=-2)
        lengths = self.shares(lengths)
        knots = lengths @ self.left
        reached = (point[..., None, None] >= knots.narrow(-2, axis, 1)).to(point.dtype)
        # Six times over, so that no product has to broadcast: of so few numbers at a time that is slow.
        here = (reached @ self.steps).unflatten(-1, (6, self.bins)).squeeze(-3)
        picked = torch.cat([knots, lengths, derivatives], dim=-2) * here @ self.ones
        x0, y0, w, h, ends = picked.split([1, 1, 1, 1, 2], dim=-2)
        d0, d1 = self.derivatives(ends).split(1, dim=-2)
        return [x0, w, y0, h, d0, d1]

    def shares(self, raw: Tensor) -> Tensor:
        """Widths, and heights, that add up to one, ``[*, bins]``."""
        if self.constraint == "clamp":
            return (raw * self.half_cap).softmax(-1)
        return raw.softmax(-1) * self.free + self.slope

    def derivatives(self, raw: Tensor) -> Tensor:
        """Derivatives from their raw numbers."""
        return (raw * self.cap).exp() if self.constraint == "clamp" else nn.functional.softplus(raw) + self.slope


class SoftsignLinear(nn.Linear):
    """A Linear with a softsign behind it."""

    def forward(self, x: Tensor) -> Tensor:
        return softsign(super().forward(x))
