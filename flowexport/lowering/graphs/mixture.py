"""A mixture of normals as nodes."""

from __future__ import annotations

__all__ = ["latent", "log_prob", "noise"]

import math

import numpy as np

from ..program import Mixture
from .builder import Builder

LOWEST = -3e38
"""Near the lowest float32."""


def log_prob(graph: Builder, base: Mixture, v: str) -> str:
    """``[batch, features]`` → ``[batch]``."""
    components, features = base.means.shape
    last = graph.whole("-1", [-1])
    apart = graph.node("Unsqueeze", v, graph.whole("-2", [-2]))
    deviations = graph.node(
        "Mul",
        graph.node("Sub", apart, graph.numbers("means", base.means)),
        graph.numbers("inverse_scales", 1 / base.scales),
    )
    halves = graph.numbers("halves", np.full((features, 1), -0.5))
    squares = graph.node("MatMul", graph.node("Mul", deviations, deviations), halves)
    constants = base.log_weights - np.log(base.scales).sum(-1) - 0.5 * features * math.log(2 * math.pi)
    terms = graph.node("Add", graph.node("Squeeze", squares, last), graph.numbers("components", constants))
    # Spelt out: half of the runtimes have no ReduceLogSumExp, and ONNX Runtime's ReduceMax takes no empty batch. So far
    # out that all terms are −inf, so is the sum.
    largest = graph.node("Max", *graph.several("Split", components, terms, axis=1, num_outputs=components))
    largest = graph.node("Clip", largest, graph.numbers("lowest", LOWEST))
    exponentials = graph.node("Exp", graph.node("Sub", terms, largest))
    total = graph.node("MatMul", exponentials, graph.numbers("ones", np.ones((components, 1))))
    return graph.node("Squeeze", graph.node("Add", graph.node("Log", total), largest), last)


def noise(graph: Builder, features: int) -> tuple[str, str]:
    """The normals of the features, and the number that chooses a component."""
    sizes = graph.whole("noise", [features, 1])
    first, last = graph.several("Split", 2, "z", sizes, axis=1)
    return first, last


def latent(graph: Builder, base: Mixture, normals: str, selector: str) -> str:
    """Normals ``[batch, features]`` and ``[batch, 1]`` → a draw of v, ``[batch, features]``."""
    passed = graph.truth(graph.node("Greater", selector, graph.numbers("thresholds", base.thresholds)))
    # One for the component, zero for the others: the first, and for each threshold a step to the next. Products with
    # whole numbers pick without rounding.
    first = np.eye(len(base.means))
    steps = graph.numbers("component_steps", first[1:] - first[:-1])
    chosen = graph.gemm(passed, steps, graph.numbers("first_component", first[0]), transposed=False)
    mean = graph.node("MatMul", chosen, graph.numbers("means", base.means))
    scale = graph.node("MatMul", chosen, graph.numbers("scales", base.scales))
    return graph.node("Add", mean, graph.node("Mul", scale, normals))
