"""What the univariate maps of a program mean, in both directions.

Each takes ``[rows, features]`` and a parameter each, ``[rows, features]`` or ``[rows, features, size]``, and gives the
mapped numbers with the unsummed log-determinant, None where the volume does not change.
"""

from __future__ import annotations

__all__ = ["forward", "inverse", "zero_derivative"]

import math

import numpy as np

from .activations import sigmoid, softplus, softsign
from .program import Array, Chain, Clamp, Free, Inverse, Map, Opaque, Scaled, Shift, Sigmoid, Spline, UnitSpline

HALF = 0.5

Moved = tuple[Array, Array | None]


def forward(kind: Map, x: Array, *parameters: Array) -> Moved:
    """x → y, and ln of the derivative."""
    match kind:
        case Inverse():
            return inverse(kind.map, x, *parameters)
        case Opaque():
            return kind.forward(x, *parameters)
        case Chain():
            return through(kind, "forward", x, parameters)
        case Shift():
            return x + parameters[0], None
        case Scaled():
            scale = log_scale(kind.log_scale, parameters[1])
            shift = parameters[0]
            return ((x - shift) * np.exp(scale) if kind.side == "before" else x * np.exp(scale) + shift), scale
    inside, numbers = bin_of(kind, 0, x, parameters)
    y, slope = forward_in_bin(x, *numbers)
    return np.where(inside, y, x), np.where(inside, np.log(slope), 0).astype(x.dtype)


def inverse(kind: Map, y: Array, *parameters: Array) -> Moved:
    """y → x, and ln of the derivative of that."""
    match kind:
        case Inverse():
            return forward(kind.map, y, *parameters)
        case Opaque():
            return kind.inverse(y, *parameters)
        case Chain():
            return through(kind, "inverse", y, parameters)
        case Shift():
            return y - parameters[0], None
        case Scaled():
            scale = -log_scale(kind.log_scale, parameters[1])
            shift = parameters[0]
            return (y * np.exp(scale) + shift if kind.side == "before" else (y - shift) * np.exp(scale)), scale
    inside, numbers = bin_of(kind, 1, y, parameters)
    x, slope = inverse_in_bin(y, *numbers)
    return np.where(inside, x, y), np.where(inside, -np.log(slope), 0).astype(y.dtype)


def through(chain: Chain, direction: str, x: Array, parameters: tuple[Array, ...]) -> Moved:
    """Takes numbers through maps, each with its own parameters, from the last to the first in the inverse."""
    named = dict(zip(chain.sizes, parameters, strict=True))
    total: Array | None = None
    step, order = (forward, chain.maps) if direction == "forward" else (inverse, chain.maps[::-1])
    for each in order:
        x, log_det = step(each, x, *(named[name] for name in each.sizes))
        total = log_det if total is None else total if log_det is None else total + log_det
    return x, total


def log_scale(kind: Clamp | Free | Sigmoid, raw: Array) -> Array:
    """The log scale of an unconstrained number."""
    if isinstance(kind, Clamp):
        return kind.cap * softsign(raw)
    if isinstance(kind, Free):
        return raw
    if kind.floor == 0:
        # Exact where the sigmoid itself would be 0 in float32.
        return math.log(kind.span) - softplus(-raw)
    return np.log(kind.span * sigmoid(raw) + kind.floor)


# Splines


def bin_of(kind: Spline | UnitSpline, axis: int, at: Array, parameters: tuple[Array, ...]) -> tuple[Array, list[Array]]:
    """Whether points are inside, and of the bin of each: x₀, width, y₀, height, both derivatives.

    Arguments:
        axis: 0 for points x, 1 for points y.
    """
    bound = kind.bound if isinstance(kind, Spline) else HALF
    numbers = of_trained(kind, *parameters) if isinstance(kind, Spline) else of_unit(kind, *parameters)
    inside = (at > -bound) & (at < bound)
    left = numbers[2 * axis]
    reached = (np.where(inside, at, -bound)[..., None] >= left).sum(-1, keepdims=True)
    # Rounding may put the first knot within the interval.
    index = np.maximum(reached - 1, 0)
    return inside, [np.take_along_axis(each, index, -1)[..., 0] for each in numbers]


def of_trained(spline: Spline, widths: Array, heights: Array, derivatives: Array) -> list[Array]:
    """x₀, width, y₀, height and both derivatives of every bin, ``[*, bins]`` each."""
    if spline.constraint == "clamp":
        cap = -math.log(spline.slope)
        shares = [softmax(raw / (1 + np.abs(2 / cap * raw))) for raw in (widths, heights)]
        inner = np.exp(derivatives / (1 + np.abs(derivatives / cap)))
    else:
        free = 1 - spline.slope * spline.bins
        shares = [spline.slope + free * softmax(raw) for raw in (widths, heights)]
        inner = spline.slope + softplus(derivatives + zero_derivative(spline.slope))
    w, h = (2 * spline.bound * share for share in shares)
    end = np.ones_like(inner[..., :1])
    d = np.concatenate([end, inner, end], axis=-1)
    return [left_of(w), w, left_of(h), h, d[..., :-1], d[..., 1:]]


def of_unit(spline: UnitSpline, bins: Array) -> list[Array]:
    """The same of the lean form."""
    raw = bins.reshape(*bins.shape[:-1], 4, spline.bins)
    if spline.constraint == "clamp":
        cap = -math.log(spline.slope)
        raw = softsign(raw)
        lengths, d = softmax(raw[..., :2, :] * (cap / 2)), np.exp(cap * raw[..., 2:, :])
    else:
        lengths = softmax(raw[..., :2, :]) * (1 - spline.slope * spline.bins) + spline.slope
        d = softplus(raw[..., 2:, :]) + spline.slope
    knots = left_of(lengths)
    return [knots[..., 0, :], lengths[..., 0, :], knots[..., 1, :], lengths[..., 1, :], d[..., 0, :], d[..., 1, :]]


def left_of(lengths: Array) -> Array:
    """The left end of every bin of an interval around zero, ``[*, bins]``.

    Half of the lengths on the left less half of those on the right: near the middle this keeps the digits that a sum
    from the left end loses.
    """
    ones = np.ones((lengths.shape[-1],) * 2, lengths.dtype)
    return lengths @ (np.triu(ones, 1) - ones * HALF)


def zero_derivative(slope: float) -> float:
    """The raw number at which a softplus above a floor gives a derivative of one."""
    return math.log(math.expm1(1 - slope))


def softmax(raw: Array) -> Array:
    exponentials = np.exp(raw - raw.max(-1, keepdims=True))
    shares: Array = exponentials / exponentials.sum(-1, keepdims=True)
    return shares


def forward_in_bin(x: Array, x0: Array, w: Array, y0: Array, h: Array, d0: Array, d1: Array) -> tuple[Array, Array]:
    """y and ∂y/∂x, as `flowexport.flows.univariate.spline` derives them: sums of positive terms."""
    return y_and_slope(x - x0, w, y0, h, d0, d1)


def inverse_in_bin(y: Array, x0: Array, w: Array, y0: Array, h: Array, d0: Array, d1: Array) -> tuple[Array, Array]:
    """x and ∂y/∂x, from both roots of the quadratic added."""
    c, e = y - y0, h - (y - y0)
    twice, k = 2 * h / w, c * d1 - e * d0
    cs, es = c * twice, e * twice
    root = np.sqrt(np.maximum(k * k + cs * es, 0))
    a = w * ((root + cs + k) / (root + cs + (root + es)))
    return x0 + a, y_and_slope(a, w, y0, h, d0, d1)[1]


def y_and_slope(a: Array, w: Array, y0: Array, h: Array, d0: Array, d1: Array) -> tuple[Array, Array]:
    """y and ∂y/∂x at a distance from the left knot."""
    b, s = w - a, h / w
    p, q = s * a + d0 * b, s * b + d1 * a
    t = h / (a * p + b * q)
    return y0 + a * p * t, (a * q + b * p) * (t * t)
