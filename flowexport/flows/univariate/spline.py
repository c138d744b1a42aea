"""The rational-quadratic spline of neural spline flows."""

__all__ = ["RationalQuadraticSpline"]

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from flowexport.errors import ArgumentError

from ..recorded import written_out
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
            raise ArgumentError(f"expected a whole number of at least 2, got {bins!r}", key="bins")
        if not 0 < bound < math.inf:
            raise ArgumentError(f"{bound} is not positive and finite", key="bound")
        if constraint not in get_args(Constraint):
            raise ArgumentError(f"{constraint!r} is not one of {', '.join(get_args(Constraint))}", key="constraint")
        if not 0 < slope < 1 / bins:
            raise ArgumentError(f"{slope} is not between 0 and 1 / bins", key="slope")
        self.bins, self.bound, self.constraint, self.slope = bins, bound, constraint, slope
        self.sizes = {"widths": bins, "heights": bins, "derivatives": bins - 1}

    @property
    def arguments(self) -> dict[str, object]:
        return {"bins": self.bins, "bound": self.bound, "constraint": self.constraint, "slope": self.slope}

    def forward_and_log_det(
        self, x: Tensor, widths: Tensor, heights: Tensor, derivatives: Tensor
    ) -> tuple[Tensor, Tensor]:
        by_hand = written_out(x)
        if by_hand is not None and self.constraint == "clamp" and widths.shape[:-1] == x.shape:
            cap = -math.log(self.slope)
            return by_hand.through_spline(x, widths, heights, derivatives, self.bound, cap, self.plain_forward)
        return self.plain_forward(x, widths, heights, derivatives)

    def plain_forward(self, x: Tensor, widths: Tensor, heights: Tensor, derivatives: Tensor) -> tuple[Tensor, Tensor]:
        """`forward_and_log_det` as autograd differentiates it."""
        inside, x0, w, y0, h, d0, d1 = self.bin_of(x, "x", widths, heights, derivatives)
        y, slope = forward_in_bin(x, x0, w, y0, h, d0, d1)
        return torch.where(inside, y, x), torch.where(inside, slope.log(), 0)

    def inverse_and_log_det(
        self, y: Tensor, widths: Tensor, heights: Tensor, derivatives: Tensor
    ) -> tuple[Tensor, Tensor]:
        inside, x0, w, y0, h, d0, d1 = self.bin_of(y, "y", widths, heights, derivatives)
        x, slope = inverse_in_bin(y, x0, w, y0, h, d0, d1)
        return torch.where(inside, x, y), torch.where(inside, -slope.log(), 0)

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


def forward_in_bin(
    x: Tensor, x0: Tensor, w: Tensor, y0: Tensor, h: Tensor, d0: Tensor, d1: Tensor
) -> tuple[Tensor, Tensor]:
    r"""y and ∂y/∂x of a point of a bin.

    With :math:`a = x - x_0, b = w - a`, :math:`p = s a + \delta_0 b` and :math:`q = s b + \delta_1 a`,

    .. math:: y = y_0 + h \frac{a p}{a p + b q}, \qquad
        \frac{\partial y}{\partial x} = h^2 \frac{a q + b p}{(a p + b q)^2}:

    equations 4 and 5 of the paper in sums of positive terms alone, of which none cancels another.
    """
    return y_and_slope(x - x0, w, y0, h, d0, d1)


def inverse_in_bin(
    y: Tensor, x0: Tensor, w: Tensor, y0: Tensor, h: Tensor, d0: Tensor, d1: Tensor
) -> tuple[Tensor, Tensor]:
    r"""x and ∂y/∂x of a point of a bin, given y.

    With :math:`c = y - y_0, e = h - c` and :math:`k = c \delta_1 - e \delta_0` the ratio a / b solves
    :math:`e s (a/b)^2 - k (a/b) - c s = 0`. Both ways to write its positive root, added,

    .. math:: \xi = \frac{k + r + 2 c s}{2 r + 2 c s + 2 e s}, \qquad r = \sqrt{k^2 + 4 c e s^2},

    keep the error of :math:`\xi` at one rounding, where either alone loses digits on one side of its bin.
    """
    c = y - y0
    e = h - c
    twice = 2 * h / w
    k = c * d1 - e * d0
    cs, es = c * twice, e * twice
    # Not negative but for rounding.
    root = (k * k + cs * es).clamp_min(0).sqrt()
    upper = root + cs
    a = w * ((upper + k) / (upper + (root + es)))
    return x0 + a, y_and_slope(a, w, y0, h, d0, d1)[1]


def y_and_slope(a: Tensor, w: Tensor, y0: Tensor, h: Tensor, d0: Tensor, d1: Tensor) -> tuple[Tensor, Tensor]:
    """y and ∂y/∂x at a distance from the left knot, as `forward_in_bin` has them."""
    b = w - a
    s = h / w
    p, q = s * a + d0 * b, s * b + d1 * a
    ap = a * p
    t = h / (ap + b * q)
    return y0 + ap * t, (a * q + b * p) * (t * t)
