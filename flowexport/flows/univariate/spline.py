"""The rational-quadratic spline of neural spline flows."""

__all__ = ["RationalQuadraticSpline"]

import math
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from flowexport.errors import ArgumentError

from .registry import register

Constraint = Literal["clamp", "floor"]


@register
class RationalQuadraticSpline(nn.Module):
    r"""A monotonic rational-quadratic spline on [−B, B] with linear tails, the identity outside.

    In the bin that holds x, with :math:`\xi = (x - x_k) / w_k`, :math:`s_k = h_k / w_k` and the derivatives
    :math:`\delta_k, \delta_{k+1}` at its knots,

    .. math:: y = y_k + \frac{h_k \left( s_k \xi^2 + \delta_k \xi (1 - \xi) \right)}
        {s_k + (\delta_k + \delta_{k+1} - 2 s_k) \, \xi (1 - \xi)}

    The bin is found by comparison with all knots and its numbers are picked by sums over bins, so that the
    exported graph has neither loops nor indices.

    References:
        Neural Spline Flows (Durkan et al., 2019), section 3.1 and appendix A.1, https://arxiv.org/abs/1906.04032

    Arguments:
        bins: the number of bins :math:`K`.
        bound: :math:`B`.
        constraint: how raw parameters become bins. ``"clamp"``, as zuko has it: a softmax of softly clamped
            numbers for widths and heights, the exponential of softly clamped ones for derivatives.
            ``"floor"``, as in nflows: softmax and softplus above a floor of ``slope``, the latter shifted so that
            zero gives a derivative of one.
        slope: the smallest derivative, and what bounds the width and the height of a bin.

    Raises:
        ArgumentError: for an argument that cannot be.
    """

    starts_as_identity = True

    def __init__(
        self, bins: int = 8, bound: float = 5.0, constraint: Constraint = "clamp", slope: float = 1e-3
    ) -> None:
        super().__init__()
        if isinstance(bins, bool) or not isinstance(bins, int) or bins < 2:
            raise ArgumentError(f"bins: expected a whole number of at least 2, got {bins!r}")
        if not 0 < bound < math.inf:
            raise ArgumentError(f"bound: {bound} is not positive and finite")
        if constraint not in get_args(Constraint):
            raise ArgumentError(f"constraint: {constraint!r} is not one of {', '.join(get_args(Constraint))}")
        if not 0 < slope < 1 / bins:
            raise ArgumentError(f"slope: {slope} is not between 0 and 1 / bins")
        self.bins, self.bound, self.constraint, self.slope = bins, bound, constraint, slope
        self.sizes = {"widths": bins, "heights": bins, "derivatives": bins - 1}

    @property
    def arguments(self) -> dict[str, Any]:
        return {"bins": self.bins, "bound": self.bound, "constraint": self.constraint, "slope": self.slope}

    def forward_and_log_det(
        self, x: Tensor, widths: Tensor, heights: Tensor, derivatives: Tensor
    ) -> tuple[Tensor, Tensor]:
        inside, x0, w, y0, h, d0, d1 = self.bin_of(x, "x", widths, heights, derivatives)
        s = h / w
        xi = (x - x0) / w
        rest = xi * (1 - xi)
        numerator = s * xi * xi + d0 * rest
        denominator = s + (d0 + d1 - 2 * s) * rest
        y = y0 + h * numerator / denominator
        return torch.where(inside, y, x), torch.where(inside, log_slope(xi, rest, s, d0, d1, denominator), 0)

    def inverse_and_log_det(
        self, y: Tensor, widths: Tensor, heights: Tensor, derivatives: Tensor
    ) -> tuple[Tensor, Tensor]:
        inside, x0, w, y0, h, d0, d1 = self.bin_of(y, "y", widths, heights, derivatives)
        s = h / w
        eta = (y - y0) / h
        curvature = d0 + d1 - 2 * s
        a = s - d0 + eta * curvature
        b = d0 - eta * curvature
        # The discriminant is not negative but for rounding.
        root = (b * b + 4 * a * s * eta).clamp_min(0).sqrt()
        xi = 2 * s * eta / (b + root)
        rest = xi * (1 - xi)
        denominator = s + curvature * rest
        log_det = -log_slope(xi, rest, s, d0, d1, denominator)
        return torch.where(inside, x0 + xi * w, y), torch.where(inside, log_det, 0)

    def bin_of(
        self, at: Tensor, axis: Literal["x", "y"], widths: Tensor, heights: Tensor, derivatives: Tensor
    ) -> tuple[Tensor, ...]:
        """Whether points are inside [−B, B], and of the bin of each: x₀, width, y₀, height, both derivatives.

        Points outside get the first bin's numbers at its left knot, which keeps their gradients finite.
        """
        w, h, d = self.constrained(widths, heights, derivatives)
        x, y = self.left_knots(w), self.left_knots(h)
        knots = x if axis == "x" else y
        inside = (at > -self.bound) & (at < self.bound)
        reached = (torch.where(inside, at, -self.bound).unsqueeze(-1) >= knots).to(at.dtype)
        # One where the bin is the last whose left knot is reached; the first always is.
        # A slice with an end: an open one is exported with the largest int64, which some runtimes cut to −1.
        here = reached - functional.pad(reached.narrow(-1, 1, self.bins - 1), (0, 1))
        picked = [(here * values).sum(-1) for values in (x, w, y, h, functional.pad(d, (1, 0), value=1.0))]
        picked.append((here * functional.pad(d, (0, 1), value=1.0)).sum(-1))
        return inside, *picked

    def constrained(self, widths: Tensor, heights: Tensor, derivatives: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Raw parameters → widths and heights that add up to 2B, and inner derivatives, all positive."""
        if self.constraint == "clamp":
            cap = -math.log(self.slope)
            shares = [(raw / (1 + (2 / cap * raw).abs())).softmax(-1) for raw in (widths, heights)]
            inner = (derivatives / (1 + (derivatives / cap).abs())).exp()
        else:
            free = 1 - self.slope * self.bins
            shares = [self.slope + free * raw.softmax(-1) for raw in (widths, heights)]
            inner = self.slope + functional.softplus(derivatives + math.log(math.expm1(1 - self.slope)))
        return 2 * self.bound * shares[0], 2 * self.bound * shares[1], inner

    def left_knots(self, lengths: Tensor) -> Tensor:
        """The left end of every bin, ``[*, bins]``: a product with a triangle of ones, which every runtime has."""
        ones = torch.ones(self.bins, self.bins, dtype=lengths.dtype, device=lengths.device)
        return lengths @ ones.triu(1) - self.bound

    def extra_repr(self) -> str:
        return f"bins={self.bins}, bound={self.bound}, constraint={self.constraint!r}, slope={self.slope}"


def log_slope(xi: Tensor, rest: Tensor, s: Tensor, d0: Tensor, d1: Tensor, denominator: Tensor) -> Tensor:
    """ln ∂y/∂x in a bin, from equation 5 of the paper."""
    slope = d1 * xi * xi + 2 * s * rest + d0 * (1 - xi) * (1 - xi)
    return 2 * (s / denominator).log() + slope.log()
