"""The affine bijection with a sigmoid for its scale."""

__all__ = ["SigmoidAffine"]

import math
from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from flowexport.errors import ArgumentError

from .registry import register
from .scaled import ShiftAndScale


@register
class SigmoidAffine(ShiftAndScale):
    r"""An affine bijection whose scale is a sigmoid between two bounds.

    .. math:: y = x \, s + t, \qquad s = f + (c - f) \, \sigma(a + o), \qquad \sigma(o) = \frac{1 - f}{c - f},

    so that a = 0 is the identity. The affine couplings of nflows have this scale with f = 1e-3 and
    c = 1.001, and those of normflows half of it with f = 0 and c = 2. With the shift ``"before"`` it is taken off
    first, :math:`y = (x - t) \, s`.

    References:
        Glow: Generative Flow with Invertible 1x1 Convolutions (Kingma and Dhariwal, 2018),
        https://arxiv.org/abs/1807.03039, whose published code has it with o = 2.

    Arguments:
        floor: the smallest scale :math:`f`, in [0, 1).
        ceiling: the largest scale :math:`c`, above 1.
        shift_side: ``"after"`` or ``"before"`` the scale.

    Raises:
        ArgumentError: where a bound is not where it belongs, or a side is none.
    """

    sizes: ClassVar[dict[str, int]] = {"shift": 1, "scale": 1}

    def __init__(self, floor: float = 0.0, ceiling: float = 2.0, shift_side: str = "after") -> None:
        super().__init__()
        if not 0 <= floor < 1:
            raise ArgumentError(f"{floor} is not in [0, 1)", key="floor")
        if not 1 < ceiling < math.inf:
            raise ArgumentError(f"{ceiling} is not above 1 and finite", key="ceiling")
        if shift_side not in ("after", "before"):
            raise ArgumentError(f"{shift_side!r} is not 'after' or 'before'", key="shift_side")
        self.floor, self.ceiling, self.shift_side = floor, ceiling, shift_side
        self.span = ceiling - floor
        self.offset = math.log((1 - floor) / (ceiling - 1))

    @property
    def arguments(self) -> dict[str, object]:
        side = {} if self.shift_side == "after" else {"shift_side": self.shift_side}
        return {"floor": self.floor, "ceiling": self.ceiling, **side}

    def log_scale(self, raw: Tensor) -> Tensor:
        """ln s of the unconstrained scale."""
        if self.floor == 0:
            # Exact where the sigmoid itself would be 0 in float32.
            return functional.logsigmoid(raw + self.offset) + math.log(self.span)
        return (self.span * (raw + self.offset).sigmoid() + self.floor).log()

    def extra_repr(self) -> str:
        return f"floor={self.floor}, ceiling={self.ceiling}, shift_side={self.shift_side!r}"
