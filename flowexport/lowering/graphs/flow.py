"""A program as an ONNX graph, in the fewest operators that say it.

A vector whose couplings take turns is split once, into two tensors, and joined once. Log-determinants are added up over
layers and summed over features by one product at the end, with all that is the same for every row in its constant.
"""

from __future__ import annotations

__all__ = ["log_prob_graph", "sample_graph"]

import math
from collections.abc import Sequence

import numpy as np

from ..passes import turns
from ..program import Array, Coupling, Layer, Mix, Mixture, Normal, Program, ScaleShift
from . import mixture, units
from .builder import Builder
from .maps import Direction, moved
from .networks import parameters


def log_prob_graph(program: Program, dtype: np.dtype) -> bytes:
    """The ONNX file of ``x [batch, features] (, context) → log_prob [batch]``, of a lean program."""
    graph = Builder(dtype)
    x, terms, constant = ("x", [], 0.0) if program.bounds is None else units.unbounded(graph, program.bounds)
    if program.mean.any():
        x = graph.node("Sub", x, graph.numbers("mean", program.mean))
    context = units.encoded(graph, program.columns)
    walk = Walk(graph, program, context)
    layers, exit_scale = parted_exit(program)
    parts = walk.forward(x, layers)
    constant += constant_of(program)
    result = density(graph, program, walk, parts, exit_scale, [terms, *walk.terms], constant)
    if program.bounds is not None:
        result = units.outside(graph, program.bounds, result)
    return graph.model("log_prob", inputs_of(program, "x", program.features), result, "log_prob", None)


def sample_graph(program: Program, dtype: np.dtype) -> bytes:
    """The ONNX file of ``z [batch, noise_size] (, context) → x [batch, features]``, of a lean program."""
    graph = Builder(dtype)
    v, order = "z", program.noise_order
    selector = None
    if isinstance(program.base, Mixture):
        v, selector = mixture.noise(graph, program.features)
    if not np.array_equal(order, np.arange(len(order))):
        v = graph.node("Gather", v, graph.whole("noise_order", order, np.int32), axis=-1)
    if isinstance(program.base, Mixture):
        assert selector is not None
        v = mixture.latent(graph, program.base, v, selector)
    layers, exit_scale = parted_exit(program)
    if (exit_scale != 1).any():
        v = graph.node("Mul", v, graph.numbers("inverse_exit", 1 / exit_scale))
    context = units.encoded(graph, program.columns)
    x = Walk(graph, program, context).inverse(v, layers)
    if program.mean.any():
        x = graph.node("Add", x, graph.numbers("mean", program.mean))
    if program.bounds is not None:
        x = units.bounded(graph, program.bounds, x)
    if x == "z":
        x = graph.node("Identity", x)
    return graph.model("sample", inputs_of(program, "z", program.base.noise_size), x, "x", program.features)


def inputs_of(program: Program, name: str, size: int) -> dict[str, int]:
    return {name: size} | ({"context": len(program.columns)} if program.columns else {})


def parted_exit(program: Program) -> tuple[Sequence[Layer], Array]:
    """The layers without a last scale, and that scale, which is the base's matter."""
    last = program.layers[-1] if program.layers else None
    if isinstance(program.base, Normal) and isinstance(last, ScaleShift) and not last.shift.any():
        return program.layers[:-1], last.scale
    return program.layers, np.ones(program.features)


def constant_of(program: Program) -> float:
    """What of the log-density is the same for every row."""
    total = 0.0 if isinstance(program.base, Mixture) else -0.5 * program.features * math.log(2 * math.pi)
    for layer in program.layers:
        if isinstance(layer, ScaleShift):
            total += float(np.log(layer.scale).sum())
        elif isinstance(layer, Mix):
            total += layer.log_det
    return total


class Walk:
    """The way through the layers, on the whole vector or on two parts.

    Arguments:
        graph: what nodes are added to.
        program: lean.
        context: as the networks take it.
    """

    def __init__(self, graph: Builder, program: Program, context: str | None) -> None:
        self.graph, self.context = graph, context
        self.sets = turns(program)
        self.terms: list[list[str]] = [[] for _ in self.sets]
        """The log-determinants of each part, in the direction forward."""

    def forward(self, x: str, layers: Sequence[Layer]) -> list[str]:
        """x → the parts at the z end."""
        first = self.first_on_parts(layers)
        for number, layer in enumerate(layers[:first]):
            x = self.between(layer, f"layers.{number}", x, slice(None), "forward")
        parts = self.split(x)
        for number, layer in enumerate(layers[first:], first):
            parts = self.through(layer, f"layers.{number}", parts, "forward")
        return parts

    def inverse(self, v: str, layers: Sequence[Layer]) -> str:
        """v at the z end → x."""
        first = self.first_on_parts(layers)
        parts = self.split(v)
        for number in reversed(range(first, len(layers))):
            parts = self.through(layers[number], f"layers.{number}", parts, "inverse")
        x = self.join(parts)
        for number in reversed(range(first)):
            x = self.between(layers[number], f"layers.{number}", x, slice(None), "inverse")
        return x

    def first_on_parts(self, layers: Sequence[Layer]) -> int:
        """The number of layers before the split: up to the last linear one, if the vector is split at all."""
        mixes = [number for number, layer in enumerate(layers) if isinstance(layer, Mix)]
        return mixes[-1] + 1 if mixes and len(self.sets) > 1 else 0

    def split(self, x: str) -> list[str]:
        if len(self.sets) == 1:
            return [x]
        names = ("first", "second")
        indices = [self.graph.whole(name, each, np.int32) for name, each in zip(names, self.sets, strict=True)]
        return [self.graph.node("Gather", x, each, axis=-1) for each in indices]

    def join(self, parts: list[str]) -> str:
        if len(parts) == 1:
            return parts[0]
        order = np.argsort(np.concatenate(self.sets))
        return self.graph.node(
            "Gather", self.graph.node("Concat", *parts, axis=-1), self.graph.whole("order", order, np.int32), axis=-1
        )

    def through(self, layer: Layer, where: str, parts: list[str], direction: Direction) -> list[str]:
        """The parts behind a layer, or before it."""
        if not isinstance(layer, Coupling):
            return [
                self.between(layer, f"{where}.{number}" if number else where, part, features, direction)
                for number, (part, features) in enumerate(zip(parts, self.sets, strict=True))
            ]
        number = next(n for n, features in enumerate(self.sets) if np.array_equal(features, layer.moves))
        kept = parts[number - 1]
        given = parameters(self.graph, layer, where, kept, self.context)
        after = list(parts)
        after[number], terms = moved(self.graph, layer.map, direction, parts[number], len(layer.moves), given)
        self.terms[number] += terms
        return after

    def between(self, layer: Layer, where: str, v: str, features: Array | slice, direction: Direction) -> str:
        """Some features behind a scale and shift, or all behind a linear layer; or before one."""
        graph = self.graph
        if isinstance(layer, Mix):
            bias = graph.numbers(f"{where}.bias", layer.bias) if layer.bias.any() else None
            if direction == "forward":
                return graph.gemm(v, graph.numbers(f"{where}.weight", layer.weight), bias)
            # Not folded into the product, where a large bias would cost digits.
            v = v if bias is None else graph.node("Sub", v, bias)
            return graph.gemm(v, graph.numbers(f"{where}.inverse", layer.inverse), None)
        assert isinstance(layer, ScaleShift)
        scale, shift = layer.scale[features], layer.shift[features]
        if direction == "forward" and (scale != 1).any():
            v = graph.node("Mul", v, graph.numbers(f"{where}.scale", scale))
        if shift.any():
            kind = "Add" if direction == "forward" else "Sub"
            v = graph.node(kind, v, graph.numbers(f"{where}.shift", shift))
        if direction == "inverse" and (scale != 1).any():
            v = graph.node("Mul", v, graph.numbers(f"{where}.inverse_scale", 1 / scale))
        return v


def density(
    graph: Builder,
    program: Program,
    walk: Walk,
    parts: list[str],
    exit_scale: Array,
    terms: Sequence[list[str]],
    constant: float,
) -> str:
    """The base's density of what is at the z end, with all log-determinants, ``[batch]``.

    Arguments:
        terms: log-determinants of the whole vector, and of each part.
        constant: what is the same for every row.
    """
    total = graph.numbers("constant", np.array([constant]))
    # The terms of one width together: one sum and one product then do for them.
    widths: dict[int, list[str]] = {}
    for of_part, width in zip(terms, [program.features, *map(len, walk.sets)], strict=True):
        widths.setdefault(width, []).extend(of_part)
    for width, together in widths.items():
        if together:
            ones = graph.numbers("ones", np.ones((width, 1)))
            total = graph.gemm(graph.total(together), ones, total, transposed=False)
    one = graph.whole("1", [1])
    if isinstance(program.base, Mixture):
        of_base = mixture.log_prob(graph, program.base, walk.join(parts))
        known = graph.node("Squeeze", total, one) if any(widths.values()) else total
        return graph.node("Add", of_base, known)
    for part, features in zip(parts, walk.sets, strict=True):
        weights = graph.numbers("squares", -0.5 * exit_scale[features, None] ** 2)
        total = graph.gemm(graph.node("Mul", part, part), weights, total, transposed=False)
    return graph.node("Squeeze", total, one)
