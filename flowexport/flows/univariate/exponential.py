"""The affine bijection with a free scale."""

__all__ = ["ExponentialAffine"]

from typing import ClassVar

from torch import Tensor, nn

from .registry import register


@register
class ExponentialAffine(nn.Module):
    r"""An affine bijection whose log scale has no bound.

    .. math:: y = x \, e^{l} + t

    Nothing keeps its scale from overflowing far from the data: for new models take
    `flowexport.flows.univariate.Affine`. It is here for models that were trained with it.

    References:
        Density estimation using Real NVP (Dinh et al., 2016), equation 7, https://arxiv.org/abs/1605.08803
    """

    sizes: ClassVar[dict[str, int]] = {"shift": 1, "log_scale": 1}
    shift_side: ClassVar[str] = "after"

    def forward_and_log_det(self, x: Tensor, shift: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
        return x * log_scale.exp() + shift, log_scale

    def inverse_and_log_det(self, y: Tensor, shift: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
        log_scale = -log_scale
        return (y - shift) * log_scale.exp(), log_scale
