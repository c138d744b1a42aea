"""The rational-quadratic spline as nodes: neither loops nor indices, and all six numbers of a bin by one product."""

from __future__ import annotations

__all__ = ["unit_spline"]

import math

import numpy as np

from ..program import Array, UnitSpline
from .builder import Builder

HALF = 0.5


def unit_spline(
    graph: Builder, spline: UnitSpline, direction: str, x: str, width: int, raw: str
) -> tuple[str, list[str]]:
    """y of x or x of y, and the log-determinant of that.

    Arguments:
        x: ``[batch, width]``. Points outside are moved to the nearer end, and back.
        raw: ``[batch, width · 4 · bins]``.
    """
    low, high = graph.numbers("minus_half", -HALF), graph.numbers("half", HALF)
    point = graph.node("Clip", x, low, high)
    at = graph.node("Unsqueeze", point, graph.whole("last_axes", [-1, -2]))
    forward = direction == "forward"
    numbers = bin_of(graph, spline, at, 0 if forward else 1, width, raw)
    result, slope = (forward_in_bin if forward else inverse_in_bin)(graph, at, *numbers)
    flat = graph.whole("flat", [-1, width])
    moved = graph.node("Add", graph.node("Reshape", result, flat), graph.node("Sub", x, point))
    # The slope of the end is one but for what rounding makes of a narrow bin.
    inside = graph.node("Less", graph.node("Abs", x), high)
    log_slope = graph.node("Log", graph.node("Reshape", slope, flat))
    log_det = graph.node("Where", inside, log_slope if forward else graph.node("Neg", log_slope), graph.numbers("0", 0))
    return moved, [log_det]


def bin_of(graph: Builder, spline: UnitSpline, at: str, axis: int, width: int, raw: str) -> list[str]:
    """Of the bin of each point: x₀, width, y₀, height, both derivatives, ``[batch, width, 1, 1]`` each."""
    bins, clamped = spline.bins, spline.constraint == "clamp"
    raw = graph.node("Softsign", raw) if clamped else raw
    raw = graph.node("Reshape", raw, graph.whole("bins", [-1, width, 4, bins]))
    lengths, derivatives = graph.several("Split", 2, raw, axis=2, num_outputs=2)
    cap = -math.log(spline.slope)
    if clamped:
        lengths = graph.node("Softmax", graph.node("Mul", lengths, graph.numbers("half_cap", cap / 2)), axis=-1)
    else:
        free = graph.numbers("free", 1 - spline.slope * bins)
        shares = graph.node("Mul", graph.node("Softmax", lengths, axis=-1), free)
        lengths = graph.node("Add", shares, graph.numbers("slope", spline.slope))
    left, steps = triangles(bins)
    knots = graph.node("MatMul", lengths, graph.numbers("left", left))
    bounds = [graph.whole(str(each), [each]) for each in (axis, axis + 1, 2, 1)]
    own = graph.node("Slice", knots, *bounds)
    reached = graph.truth(graph.node("GreaterOrEqual", at, own))
    # Six times over, so that no product has to broadcast: of so few numbers at a time that is slow.
    here = graph.node("MatMul", reached, graph.numbers("steps", steps))
    here = graph.node("Reshape", here, graph.whole("six", [-1, width, 6, bins]))
    all_numbers = graph.node("Concat", knots, lengths, derivatives, axis=-2)
    picked = graph.node("MatMul", graph.node("Mul", all_numbers, here), graph.numbers("ones", np.ones((bins, 1))))
    x0, y0, w, h, ends = graph.several("Split", 5, picked, graph.whole("picked", [1, 1, 1, 1, 2]), axis=2)
    if clamped:
        ends = graph.node("Exp", graph.node("Mul", ends, graph.numbers("cap", cap)))
    else:
        ends = graph.node("Add", graph.node("Softplus", ends), graph.numbers("slope", spline.slope))
    d0, d1 = graph.several("Split", 2, ends, axis=2, num_outputs=2)
    return [x0, w, y0, h, d0, d1]


def triangles(bins: int) -> tuple[Array, Array]:
    """What takes lengths to left knots, and "the left end is reached", bin by bin, to "this is the bin", six times.

    The knots are counted from the middle, as in `flowexport.lowering.maps.left_of`. The first is doubled here and
    halved when it is picked: rounding must not put it within the interval, where a point at the end would not reach it.
    """
    ones = np.ones((bins, bins))
    doubled = np.ones(bins)
    doubled[0] = 2
    steps = np.eye(bins) - np.triu(np.tril(ones, 1), 1).T
    return (np.triu(ones, 1) - HALF) * doubled, np.concatenate([*[steps / doubled] * 2, *[steps] * 4], axis=1)


def forward_in_bin(graph: Builder, x: str, x0: str, w: str, y0: str, h: str, d0: str, d1: str) -> tuple[str, str]:
    """y and ∂y/∂x, as `flowexport.lowering.maps.forward_in_bin`."""
    return y_and_slope(graph, graph.node("Sub", x, x0), w, y0, h, d0, d1)


def inverse_in_bin(graph: Builder, y: str, x0: str, w: str, y0: str, h: str, d0: str, d1: str) -> tuple[str, str]:
    """x and ∂y/∂x, as `flowexport.lowering.maps.inverse_in_bin`."""
    node = graph.node
    c = node("Sub", y, y0)
    e = node("Sub", h, c)
    twice = node("Div", node("Mul", h, graph.numbers("two", 2.0)), w)
    k = node("Sub", node("Mul", c, d1), node("Mul", e, d0))
    cs, es = node("Mul", c, twice), node("Mul", e, twice)
    square = node("Add", node("Mul", k, k), node("Mul", cs, es))
    root = node("Sqrt", node("Clip", square, graph.numbers("0", 0)))
    upper = node("Add", root, cs)
    share = node("Div", node("Add", upper, k), node("Add", upper, node("Add", root, es)))
    a = node("Mul", w, share)
    return node("Add", x0, a), y_and_slope(graph, a, w, y0, h, d0, d1)[1]


def y_and_slope(graph: Builder, a: str, w: str, y0: str, h: str, d0: str, d1: str) -> tuple[str, str]:
    """y and ∂y/∂x at a distance from the left knot."""
    node = graph.node
    b, s = node("Sub", w, a), node("Div", h, w)
    p = node("Add", node("Mul", s, a), node("Mul", d0, b))
    q = node("Add", node("Mul", s, b), node("Mul", d1, a))
    ap = node("Mul", a, p)
    t = node("Div", h, node("Add", ap, node("Mul", b, q)))
    slope = node("Mul", node("Add", node("Mul", a, q), node("Mul", b, p)), node("Mul", t, t))
    return node("Add", y0, node("Mul", ap, t)), slope
