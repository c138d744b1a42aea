"""The user's units as nodes: bounds and context."""

from __future__ import annotations

__all__ = ["bounded", "encoded", "outside", "unbounded"]

import numpy as np

from ..program import Bounds, Column
from .builder import Builder


def encoded(graph: Builder, columns: tuple[Column, ...]) -> str | None:
    """The context as the networks take it: numbers without their mean, codes as one-hot rows."""
    if not columns:
        return None
    context = "context"
    means = np.array([column.mean for column in columns])
    scales = np.array([column.scale for column in columns])
    if means.any():
        context = graph.node("Sub", context, graph.numbers("context_mean", means))
    if (scales != 1).any():
        context = graph.node("Div", context, graph.numbers("context_scale", scales))
    if all(column.table is None for column in columns):
        return context
    parts = []
    for number, column in enumerate(columns):
        bounds = [graph.whole(str(each), [each]) for each in (number, number + 1, 1, 1)]
        part = graph.node("Slice", context, *bounds) if len(columns) > 1 else context
        if column.table is not None:
            codes = graph.numbers(f"codes_{number}", np.arange(len(column.table)))
            part = graph.truth(graph.node("Equal", part, codes))
        parts.append(part)
    return graph.node("Concat", *parts, axis=-1) if len(parts) > 1 else parts[0]


def unbounded(graph: Builder, bounds: Bounds) -> tuple[str, list[str], float]:
    """x on the whole line, and the terms of the log-determinant: those of a row, and what is the same for all."""
    below, above = np.isfinite(bounds.lower), np.isfinite(bounds.upper)
    zero = graph.numbers("0", 0)
    sides = []
    if below.any():
        lower = graph.numbers("lower", np.where(below, bounds.lower, 0))
        sides.append(log_distance(graph, graph.node("Sub", "x", lower), below))
    if above.any():
        upper = graph.numbers("upper", np.where(above, bounds.upper, 0))
        sides.append(log_distance(graph, graph.node("Sub", upper, "x"), above))
    both = below & above
    constant = float(np.log(bounds.upper[both] - bounds.lower[both]).sum())
    u = None if (below | above).all() else graph.node("Where", graph.flags("bounded", below | above), zero, "x")
    if below.any():
        u = sides[0] if u is None else graph.node("Add", u, sides[0])
    if above.any():
        u = graph.node("Neg", sides[-1]) if u is None else graph.node("Sub", u, sides[-1])
    assert u is not None
    return u, [graph.node("Neg", graph.total(sides))], constant


def log_distance(graph: Builder, distance: str, there: np.ndarray) -> str:
    """ln of a distance from a bound, zero where there is no bound or it is passed."""
    unused = graph.node("LessOrEqual", distance, graph.numbers("0", 0))
    if not there.all():
        unused = graph.node("Or", unused, graph.flags("unbounded", ~there))
    return graph.node("Log", graph.node("Where", unused, graph.numbers("one", 1), distance))


def outside(graph: Builder, bounds: Bounds, log_prob: str) -> str:
    """The log-density, −inf in rows with a number on or beyond a bound."""
    below, above = np.isfinite(bounds.lower), np.isfinite(bounds.upper)
    sides = []
    if below.any():
        # Of what every number is above, in its own type.
        lower = graph.numbers("lower_or_none", np.where(below, bounds.lower, -np.inf))
        sides.append(graph.node("LessOrEqual", "x", lower))
    if above.any():
        upper = graph.numbers("upper_or_none", np.where(above, bounds.upper, np.inf))
        sides.append(graph.node("GreaterOrEqual", "x", upper))
    passed = graph.truth(graph.node("Or", *sides) if len(sides) > 1 else sides[0])
    count = graph.node("MatMul", passed, graph.numbers("ones", np.ones((len(below), 1))))
    any_passed = graph.node("Greater", graph.node("Squeeze", count, graph.whole("1", [1])), graph.numbers("0", 0))
    return graph.node("Where", any_passed, graph.numbers("minus_infinity", -np.inf), log_prob)


def bounded(graph: Builder, bounds: Bounds, u: str) -> str:
    """Numbers of the whole line, brought within the bounds."""
    below, above = np.isfinite(bounds.lower), np.isfinite(bounds.upper)
    lower, upper = np.where(below, bounds.lower, 0), np.where(above, bounds.upper, 0)
    both, one_sided, x = below & above, below ^ above, u
    if one_sided.any():
        sign = graph.numbers("sign", np.where(above, -1, 1))
        # Only the columns that are meant: the exponential of another could overflow.
        columns = graph.flags("one_sided", one_sided)
        log_distance = graph.node("Where", columns, graph.node("Mul", sign, u), graph.numbers("0", 0))
        edge = graph.numbers("edge", np.where(above, upper, lower))
        near = graph.node("Add", edge, graph.node("Mul", sign, graph.node("Exp", log_distance)))
        x = near if one_sided.all() else graph.node("Where", columns, near, x)
    if both.any():
        width = graph.numbers("width", np.where(both, upper - lower, 1))
        between = graph.node("Add", graph.numbers("lower", lower), graph.node("Mul", width, graph.node("Sigmoid", u)))
        x = between if both.all() else graph.node("Where", graph.flags("both", both), between, x)
    return x
