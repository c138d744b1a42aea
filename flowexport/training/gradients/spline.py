r"""The gradient by hand of the rational-quadratic spline, one operation to autograd where the plain formula is eighty.

With :math:`a, b` the distances to the knots of the bin, :math:`p = s a + \delta_0 b`, :math:`q = s b + \delta_1 a` and
:math:`D = a p + b q`, as in `flowexport.flows.univariate.spline.y_and_slope`,

.. math:: y = y_0 + h \frac{a p}{D}, \qquad \ln \frac{\partial y}{\partial x} = 2 \ln h + \ln (a q + b p) - 2 \ln D.
"""

from __future__ import annotations

__all__ = ["clamped_spline"]

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from .perceptron import Recorded, differentiable

Formula = Callable[..., tuple[Tensor, Tensor]]


def clamped_spline(
    x: Tensor, widths: Tensor, heights: Tensor, derivatives: Tensor, bound: float, cap: float, plain: Formula
) -> tuple[Tensor, Tensor]:
    """The spline with softly clamped parameters: y and the logarithm of its slope, both in the shape of x.

    Arguments:
        x: ``[rows, features]``.
        widths, heights: raw, ``[rows, features, bins]``.
        derivatives: raw, ``[rows, features, bins - 1]``.
        bound: of the interval.
        cap: of the logarithm of a derivative.
        plain: the formula as autograd differentiates it, which second derivatives are taken of.
    """
    found: tuple[Tensor, Tensor] = ClampedSpline.apply(x, widths, heights, derivatives, bound, cap, plain)
    return found


class RecordedSpline(Recorded, Protocol):
    """What autograd keeps of `ClampedSpline`."""

    bound: float
    plain: Formula


class ClampedSpline(torch.autograd.Function):
    """`clamped_spline`."""

    @staticmethod
    def forward(
        ctx: RecordedSpline,
        x: Tensor,
        widths: Tensor,
        heights: Tensor,
        derivatives: Tensor,
        bound: float,
        cap: float,
        plain: Formula,
    ) -> tuple[Tensor, Tensor]:
        bins = widths.shape[-1]
        raw = torch.stack((widths, heights))
        # Of r / (1 + |r / c|) the derivative is one over the square of the divisor.
        divisor = raw.abs().mul_(2 / cap).add_(1)
        shares = torch.softmax(raw.div_(divisor), -1)
        lengths = shares * (2 * bound)
        lefts = (lengths @ lengths.new_ones(bins, bins).triu_(1)).sub_(bound)
        inside = x.abs() < bound
        at = torch.where(inside, x, -bound)
        # NaN is in no bin: it takes the first, and comes out as NaN.
        here = (at.unsqueeze(-1) >= lefts[0]).sum(-1, keepdim=True).sub_(1).clamp_min_(0)
        both = here.expand(2, *here.shape)
        x0, y0 = lefts.gather(-1, both).squeeze(-1).unbind()
        w, h = lengths.gather(-1, both).squeeze(-1).unbind()
        divisor_d = derivatives.abs().mul_(1 / cap).add_(1)
        d = functional.pad((derivatives / divisor_d).exp_(), (1, 1), value=1.0)
        d0, d1 = d.gather(-1, here).squeeze(-1), d.gather(-1, here + 1).squeeze(-1)

        a = at - x0
        b = w - a
        s = h / w
        p = (s * a).addcmul_(d0, b)
        q = (s * b).addcmul_(d1, a)
        ap, bq, n = a * p, b * q, (a * q).addcmul_(b, p)
        t = h / (ap + bq)
        y = torch.addcmul(y0, ap, t)
        slope = n * t * t
        ctx.bound, ctx.plain = bound, plain
        ctx.save_for_backward(
            x, widths, heights, derivatives, divisor, shares, here, inside, divisor_d, d,
            w, h, d0, d1, a, b, s, p, q, ap, bq, n, t,
        )  # fmt: skip
        return torch.where(inside, y, x), torch.where(inside, slope.log_(), 0)

    @staticmethod
    def backward(ctx: RecordedSpline, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        inputs = ctx.saved_tensors[:4]
        if torch.is_grad_enabled():
            return *differentiable(ctx.plain, inputs, ctx.needs_input_grad[:4], gradients), None, None, None
        divisor, shares, here, inside, divisor_d, d, w, h, d0, d1, a, b, s, p, q, ap, bq, n, t = ctx.saved_tensors[4:]
        of_y, of_log = (torch.where(inside, each, 0) for each in gradients)
        # t is h / D; of D the logarithm's share is the same for both terms.
        of_n = of_log / n
        of_d = of_log * t / h * -2
        by_y = of_y * t * t / h
        of_ap = torch.addcmul(of_d, by_y, bq)
        of_bq = torch.addcmul(of_d, by_y, ap, value=-1)
        of_p = (of_ap * a).addcmul_(of_n, b)
        of_q = (of_bq * b).addcmul_(of_n, a)
        of_a = (of_ap * p).addcmul_(of_n, q).addcmul_(of_p, s).addcmul_(of_q, d1)
        of_b = (of_bq * q).addcmul_(of_n, p).addcmul_(of_p, d0).addcmul_(of_q, s)
        of_s = (of_p * a).addcmul_(of_q, b)
        of_a -= of_b
        of_w = of_b.sub_(of_s * s / w)
        of_h = (of_s / w).addcmul_(of_y * ap, t / h).add_(of_log / h, alpha=2)

        # Lengths: the bin's own, and all before it, which move its left knot.
        bins = shares.shape[-1]
        before = torch.arange(bins, device=here.device) < here
        of_left = torch.stack((-of_a, of_y)).unsqueeze(-1)
        of_lengths = torch.where(before, of_left, 0)
        of_lengths.scatter_(-1, here.expand(2, *here.shape), torch.stack((of_w, of_h)).unsqueeze(-1))
        of_raw = torch._softmax_backward_data(of_lengths.mul_(2 * ctx.bound), shares, -1, shares.dtype)
        of_widths, of_heights = of_raw.div_(divisor).div_(divisor).unbind()

        of_ds = torch.zeros_like(d)
        of_ds.scatter_(-1, here, (of_p * b).unsqueeze(-1))
        of_ds.scatter_(-1, here + 1, (of_q * a).unsqueeze(-1))
        inner = slice(1, bins)
        of_derivatives = of_ds[..., inner].mul_(d[..., inner]).div_(divisor_d).div_(divisor_d)
        of_x = torch.where(inside, of_a, gradients[0])
        return of_x, of_widths, of_heights, of_derivatives, None, None, None
