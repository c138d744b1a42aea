"""The affine bijection with a free scale."""

__all__ = ["ExponentialAffine"]

from typing import ClassVar

from torch import Tensor

from .registry import register
from .scaled import ShiftAndScale


@register
class ExponentialAffine(ShiftAndScale):
    r"""An affine bijection whose log scale has no bound.

    .. math:: y = x \, e^{l} + t

    Nothing keeps its scale from overflowing far from the data: for new models take
    `flowexport.flows.univariate.Affine`. It is here for models that were trained with it.

    References:
        Density estimation using Real NVP (Dinh et al., 2016), equation 7, https://arxiv.org/abs/1605.08803
    """

    sizes: ClassVar[dict[str, int]] = {"shift": 1, "log_scale": 1}

    def log_scale(self, raw: Tensor) -> Tensor:
        return raw
