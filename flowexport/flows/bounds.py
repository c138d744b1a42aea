r"""Bounded columns: log and logit maps in front of a flow."""

__all__ = ["Bounds"]

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from flowexport.errors import ArgumentError

Bound = tuple[float | None, float | None]


class Bounds(nn.Module):
    r"""Takes bounded columns to the whole line.

    With a lower bound :math:`a`, an upper bound :math:`b`, both or neither, and the terms of bounds that are not
    there left out,

    .. math:: u = \ln(x - a) - \ln(b - x), \qquad
        \ln \frac{\partial u}{\partial x} = \ln(b - a) - \ln(x - a) - \ln(b - x)

    which is the logit of a bounded column but for a constant factor inside, and the log of one with a lower bound. A
    column with neither stays x. Outside the support the density is zero: `outside` tells, and the maps take such a
    row as if it stood at the edge, so that nothing is infinite on the way.

    Arguments:
        bounds: a pair (lower, upper) a feature, None for none.

    Raises:
        ArgumentError: for a bound that is not finite, or a lower one that is not below the upper.
    """

    lower: Tensor
    upper: Tensor
    bounded_below: Tensor
    bounded_above: Tensor

    def __init__(self, bounds: Sequence[Bound]) -> None:
        super().__init__()
        for feature, (low, high) in enumerate(bounds):
            if not all(bound is None or math.isfinite(bound) for bound in (low, high)):
                raise ArgumentError(
                    f"feature {feature}: expected finite numbers or None, got {(low, high)}", key="bounds"
                )
            if low is not None and high is not None and not low < high:
                raise ArgumentError(f"feature {feature}: {low} is not below {high}", key="bounds")
        below = torch.tensor([low is not None for low, _ in bounds])
        above = torch.tensor([high is not None for _, high in bounds])
        self.any_below, self.any_above = bool(below.any()), bool(above.any())
        self.any_both, self.any_free = bool((below & above).any()), bool((~below & ~above).any())
        self.any_one_sided = bool((below ^ above).any())
        # Zero where there is none: the column is only passed over.
        buffers = {
            "lower": torch.tensor([0.0 if low is None else low for low, _ in bounds]),
            "upper": torch.tensor([0.0 if high is None else high for _, high in bounds]),
            "bounded_below": below,
            "bounded_above": above,
        }
        for name, value in buffers.items():
            self.register_buffer(name, value, persistent=False)

    def distances(self, x: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """ln(x − a) and ln(b − x), ``[*, features]``, zero where there is no such bound or it is passed."""
        below = self.log_distance(x - self.lower, self.bounded_below) if self.any_below else None
        above = self.log_distance(self.upper - x, self.bounded_above) if self.any_above else None
        return below, above

    def log_distance(self, distance: Tensor, bounded: Tensor) -> Tensor:
        """The logarithm of a distance from a bound; zero where there is none, or where it is passed."""
        unused = (distance <= 0) | ~bounded
        return distance.masked_fill(unused, 1).log()

    def outside(self, x: Tensor) -> Tensor:
        """Whether each number is out of its bounds, ``[*, features]``. A NaN is not: it stays one."""
        below = (x <= self.lower) & self.bounded_below
        above = (x >= self.upper) & self.bounded_above
        return below | above if self.any_below and self.any_above else below if self.any_below else above

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``[*, features]`` → u on the whole line, and the log-determinant, unsummed."""
        below, above = self.distances(x)
        u = torch.where(self.bounded_below | self.bounded_above, 0.0, x) if self.any_free else None
        log_det = torch.zeros((), dtype=x.dtype, device=x.device)
        if self.any_both:
            width = torch.where(self.bounded_below & self.bounded_above, self.upper - self.lower, 1)
            log_det = width.log()
        for distance, sign in ((below, 1), (above, -1)):
            if distance is not None:
                signed = distance if sign > 0 else -distance
                u = signed if u is None else u + signed
                log_det = log_det - distance
        assert u is not None
        return u, log_det

    def inverse_and_log_det(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """``[*, features]`` → x within its bounds, and the log-determinant, unsummed."""
        x, log_det = u, torch.zeros_like(u)
        if self.any_one_sided:
            one_sided = self.bounded_below ^ self.bounded_above
            sign = torch.where(self.bounded_above, -1, 1).to(u.dtype)
            # Only the columns that are meant: the exponential of another could overflow.
            log_distance = torch.where(one_sided, sign * u, 0)
            edge = torch.where(self.bounded_above, self.upper, self.lower)
            x = torch.where(one_sided, edge + sign * log_distance.exp(), x)
            log_det = log_det + log_distance
        if self.any_both:
            both = self.bounded_below & self.bounded_above
            width = torch.where(both, self.upper - self.lower, 1)
            x = torch.where(both, self.lower + width * u.sigmoid(), x)
            slope = width.log() + nn.functional.logsigmoid(u) + nn.functional.logsigmoid(-u)
            log_det = log_det + torch.where(both, slope, 0)
        return x, log_det

    def extra_repr(self) -> str:
        return f"below={int(self.bounded_below.sum())}, above={int(self.bounded_above.sum())}"
