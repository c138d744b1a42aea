r"""The affine bijection of RealNVP."""

__all__ = ["Affine"]

import math
from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from flowexport.errors import ArgumentError

from .registry import register
from .scaled import ShiftAndScale

SLOPE = 1e-3
"""The smallest scale by default, as in zuko."""


@register
class Affine(ShiftAndScale):
    r"""The affine bijection of RealNVP, with a soft clamp on its log scale.

    .. math:: y = x \, e^{l} + t, \qquad l = \frac{a}{1 + |a / \ln s|} = c \, \mathrm{softsign}(a / c),
        \quad c = -\ln s

    The clamp keeps every scale between the slope :math:`s` and :math:`1 / s`.

    References:
        Density estimation using Real NVP (Dinh et al., 2016), equation 7, https://arxiv.org/abs/1605.08803

    Arguments:
        slope: the smallest scale :math:`s`, in (0, 1).

    Raises:
        ArgumentError: where ``slope`` is not between 0 and 1.
    """

    sizes: ClassVar[dict[str, int]] = {"shift": 1, "log_scale": 1}

    def __init__(self, slope: float = SLOPE) -> None:
        super().__init__()
        if not 0 < slope < 1:
            raise ArgumentError(f"{slope} is not between 0 and 1", key="slope")
        self.slope = slope
        self.cap = -math.log(slope)

    @property
    def arguments(self) -> dict[str, object]:
        return {} if self.slope == SLOPE else {"slope": self.slope}

    def log_scale(self, raw: Tensor) -> Tensor:
        """The unconstrained log scale, brought into (ln slope, −ln slope)."""
        return self.cap * functional.softsign(raw / self.cap)

    def extra_repr(self) -> str:
        return f"slope={self.slope}"
