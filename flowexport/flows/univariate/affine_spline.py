r"""An affine map and a spline behind it."""

__all__ = ["AffineSpline"]

from torch import Tensor, nn

from .affine import Affine
from .registry import register
from .spline import RationalQuadraticSpline


@register
class AffineSpline(nn.Module):
    r"""The affine bijection of RealNVP, and a rational-quadratic spline of what it gives.

    .. math:: y = S(x \, e^l + t)

    The affine map follows scales and places that change with the kept features, the spline gives their shape: either
    alone is weak at what the other does. Far out the spline is the identity, and the map is affine.

    References:
        Neural Spline Flows (Durkan et al., 2019), https://arxiv.org/abs/1906.04032

    Arguments:
        slope: the smallest scale of the affine map, as `flowexport.flows.Affine` has it.
        bins, bound, spline_slope: of the spline, as `flowexport.flows.RationalQuadraticSpline` has them, whose
            ``slope`` the last is.

    Raises:
        ArgumentError: for an argument that cannot be.
    """

    starts_as_identity = True

    def __init__(self, slope: float = 0.05, bins: int = 8, bound: float = 5.0, spline_slope: float = 1e-3) -> None:
        super().__init__()
        self.affine = Affine(slope)
        self.spline = RationalQuadraticSpline(bins, bound, slope=spline_slope)
        self.sizes = {**Affine.sizes, **self.spline.sizes}

    @property
    def arguments(self) -> dict[str, object]:
        return {
            "slope": self.affine.slope,
            "bins": self.spline.bins,
            "bound": self.spline.bound,
            "spline_slope": self.spline.slope,
        }

    def forward_and_log_det(
        self, x: Tensor, shift: Tensor, log_scale: Tensor, widths: Tensor, heights: Tensor, derivatives: Tensor
    ) -> tuple[Tensor, Tensor]:
        moved, first = self.affine.forward_and_log_det(x, shift, log_scale)
        y, second = self.spline.forward_and_log_det(moved, widths, heights, derivatives)
        return y, first + second

    def inverse_and_log_det(
        self, y: Tensor, shift: Tensor, log_scale: Tensor, widths: Tensor, heights: Tensor, derivatives: Tensor
    ) -> tuple[Tensor, Tensor]:
        moved, second = self.spline.inverse_and_log_det(y, widths, heights, derivatives)
        x, first = self.affine.inverse_and_log_det(moved, shift, log_scale)
        return x, first + second
