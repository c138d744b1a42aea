"""The additive bijection of NICE."""

__all__ = ["Additive"]

from typing import ClassVar

from torch import Tensor, nn

from .registry import register


@register
class Additive(nn.Module):
    r"""A shift, which preserves volume.

    .. math:: y = x + t, \qquad \ln\left|\det \frac{\partial y}{\partial x}\right| = 0

    References:
        NICE: Non-linear Independent Components Estimation (Dinh et al., 2014), section 3.2,
        https://arxiv.org/abs/1410.8516
    """

    sizes: ClassVar[dict[str, int]] = {"shift": 1}
    shift_side: ClassVar[str] = "after"

    def forward_and_log_det(self, x: Tensor, shift: Tensor) -> tuple[Tensor, None]:
        return x + shift, None

    def inverse_and_log_det(self, y: Tensor, shift: Tensor) -> tuple[Tensor, None]:
        return y - shift, None
