"""Univariate maps as nodes."""

from __future__ import annotations

__all__ = ["Direction", "moved"]

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from ..program import Chain, Clamp, Free, Inverse, Map, Opaque, Scaled, Shift, Sigmoid, UnitSpline
from .builder import Builder
from .splines import unit_spline

Direction = Literal["forward", "inverse"]
OTHER: Mapping[Direction, Direction] = {"forward": "inverse", "inverse": "forward"}


def moved(
    graph: Builder, kind: Map, direction: Direction, x: str, width: int, parameters: Mapping[str, str]
) -> tuple[str, list[str]]:
    """What a map makes of numbers, and the terms of its log-determinant in the direction forward.

    Arguments:
        x: ``[batch, width]``.
        parameters: ``[batch, width · size]`` each, or ``[1, width · size]`` of constants, by name.
    """
    match kind:
        case Inverse():
            return moved(graph, kind.map, OTHER[direction], x, width, parameters)
        case Chain():
            terms: list[str] = []
            for each in kind.maps if direction == "forward" else reversed(kind.maps):
                x, more = moved(graph, each, direction, x, width, parameters)
                terms += more
            return x, terms
        case Shift():
            return graph.node("Add" if direction == "forward" else "Sub", x, parameters["shift"]), []
        case Scaled():
            return scaled(graph, kind, direction, x, parameters)
        case Opaque():
            given = [parameters[name] for name in kind.sizes]
            return opaque(graph, kind, direction, x, width, given)
        case UnitSpline():
            return unit_spline(graph, kind, direction, x, width, parameters["bins"])
    raise AssertionError(f"{type(kind).__name__} is none of the lean form")


def scaled(
    graph: Builder, kind: Scaled, direction: Direction, x: str, parameters: Mapping[str, str]
) -> tuple[str, list[str]]:
    """x · e^l + t or its inverse, and l or −l."""
    log_scale, shift = log_scale_of(graph, kind.log_scale, direction, parameters), parameters["shift"]
    scale_first = (kind.side == "after") == (direction == "forward")
    if not scale_first:
        x = graph.node("Sub", x, shift)
    x = graph.node("Mul", x, graph.node("Exp", log_scale))
    return (graph.node("Add", x, shift) if scale_first else x), [log_scale]


def log_scale_of(
    graph: Builder, kind: Clamp | Free | Sigmoid, direction: Direction, parameters: Mapping[str, str]
) -> str:
    """The log scale of forward, or that of the inverse."""
    raw, forward = parameters[kind.name], direction == "forward"
    if isinstance(kind, Clamp):
        cap = graph.numbers("cap" if forward else "minus_cap", kind.cap if forward else -kind.cap)
        return graph.node("Mul", graph.node("Softsign", raw), cap)
    if isinstance(kind, Free):
        return raw if forward else graph.node("Neg", raw)
    if kind.floor == 0:
        # Exact where the sigmoid itself would be 0 in float32: ln σ(a) = −ln(1 + e⁻ᵃ).
        minus, log_span = graph.node("Softplus", graph.node("Neg", raw)), graph.numbers("log_span", math.log(kind.span))
        return graph.node("Sub", *((log_span, minus) if forward else (minus, log_span)))
    share = graph.node("Mul", graph.node("Sigmoid", raw), graph.numbers("span", kind.span))
    log_scale = graph.node("Log", graph.node("Add", share, graph.numbers("floor", kind.floor)))
    return log_scale if forward else graph.node("Neg", log_scale)


def opaque(
    graph: Builder, kind: Opaque, direction: Direction, x: str, width: int, parameters: list[str]
) -> tuple[str, list[str]]:
    """A user's own map, traced for itself and put in."""
    shaped = [
        given if size == 1 else graph.node("Reshape", given, graph.whole("shape", [-1, width, size]))
        for given, size in zip(parameters, kind.sizes.values(), strict=True)
    ]
    batch = [given not in graph.constants for given in parameters]
    traced = kind.traced(direction, width, batch, graph.dtype)
    y, *terms = graph.inlined(traced, [x, *shaped])
    if terms and len(traced.output[1].type.tensor_type.shape.dim) != 2:
        # One that no row has a part in.
        terms = [graph.node("Add", terms[0], graph.numbers("no_terms", np.zeros((1, width))))]
    return y, terms
