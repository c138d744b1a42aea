"""What all affine bijections share: a shift, and a scale by its logarithm."""

__all__ = ["ShiftAndScale"]

from torch import Tensor, nn


class ShiftAndScale(nn.Module):
    r"""A bijection :math:`y = x \, e^{l(a)} + t`, or with its shift ``"before"`` :math:`y = (x - t) \, e^{l(a)}`.

    A child says what the log scale :math:`l` is of the raw number :math:`a`.
    """

    shift_side: str = "after"

    def log_scale(self, raw: Tensor) -> Tensor:
        """The log scale of forward, ``[*, features]``."""
        raise NotImplementedError

    def inverse_log_scale(self, raw: Tensor) -> Tensor:
        """The log scale of the inverse, −l."""
        return -self.log_scale(raw)

    def forward_and_log_det(self, x: Tensor, shift: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        log_scale = self.log_scale(raw)
        if self.shift_side == "before":
            return (x - shift) * log_scale.exp(), log_scale
        return x * log_scale.exp() + shift, log_scale

    def inverse_and_log_det(self, y: Tensor, shift: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        log_scale = self.inverse_log_scale(raw)
        if self.shift_side == "before":
            return y * log_scale.exp() + shift, log_scale
        return (y - shift) * log_scale.exp(), log_scale
