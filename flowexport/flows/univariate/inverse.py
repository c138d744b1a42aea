"""A univariate bijection, the other way round."""

__all__ = ["Inverse"]

from collections.abc import Mapping

from torch import Tensor, nn

from ..contracts import UnivariateMap
from .registry import described, make_univariate, register

OTHER_SIDE = {"after": "before", "before": "after"}


@register
class Inverse(nn.Module):
    r"""The inverse of a univariate bijection, :math:`y = \tau^{-1}(x; \theta)`.

    Libraries whose forward direction is z → x, normflows for one, train it.

    Arguments:
        univariate: the bijection, or what makes one.
    """

    univariate: UnivariateMap

    def __init__(self, univariate: object) -> None:
        super().__init__()
        inner = make_univariate(univariate)()
        self.univariate = inner
        self.sizes: Mapping[str, int] = inner.sizes
        side = getattr(inner, "shift_side", None)
        self.shift_side = None if side is None else OTHER_SIDE[side]
        self.starts_as_identity = getattr(inner, "starts_as_identity", False)

    @property
    def arguments(self) -> dict[str, object]:
        return {"univariate": described(self.univariate)}

    def forward_and_log_det(self, x: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.univariate.inverse_and_log_det(x, *parameters)

    def inverse_and_log_det(self, y: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.univariate.forward_and_log_det(y, *parameters)
