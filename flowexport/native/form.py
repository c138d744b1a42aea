"""The form: what of a graph is left to compute for one row, in an order that can be computed.

All that a graph computes lies in *buffers*, stretches of float32 numbers of one row. What only moves numbers (Gather,
Split, Concat, Reshape, …) is gone: an operation reads the stretch of a buffer where they lie. What is known when the
graph is read is gone as well: it is folded into constants, number by number.

Truth is 1 and falsehood 0. Every function takes and gives float32.
"""

from __future__ import annotations

__all__ = [
    "FUNCTIONS",
    "Apply",
    "Constant",
    "Elementwise",
    "Expression",
    "Form",
    "Input",
    "Linear",
    "Load",
    "Operation",
    "Run",
    "Softmax",
    "loads",
]

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

FUNCTIONS = {
    **dict.fromkeys(("neg", "abs", "exp", "log", "sqrt", "sigmoid", "softsign", "relu"), 1),
    **dict.fromkeys(("add", "sub", "mul", "div", "max", "min", "ge", "gt", "lt", "le", "eq"), 2),
    "where": 3,
}
"""Every function that an `Apply` may name, and how many arguments it takes.

``max(a, b)`` is ``b if a < b else a``, and ``min`` alike, so that a NaN in ``a`` stays; ``where(c, a, b)`` is ``a``
where ``c`` is not 0."""


class Load(NamedTuple):
    """Number ``base + stride · i`` of a buffer, at the place ``i`` of a run; the stride is 0 or 1."""

    buffer: int
    base: int
    stride: int = 1


@dataclass(frozen=True, eq=False)
class Constant:
    """One number for a whole run, of shape ``[]``, or one for each place of it, ``[count]``."""

    values: np.ndarray


class Apply(NamedTuple):
    """A function of `FUNCTIONS` of expressions."""

    function: str
    arguments: tuple[Expression, ...]


Expression = Load | Constant | Apply


class Run(NamedTuple):
    """Numbers ``start … start + length − 1`` of the buffer that is written: one expression of the place ``i``."""

    start: int
    length: int
    expression: Expression


class Elementwise(NamedTuple):
    """Runs of expressions that fill a buffer; they read none that they write."""

    out: int
    runs: tuple[Run, ...]


@dataclass(frozen=True, eq=False)
class Linear:
    """Products by one matrix, ``out[g · N + n] = bias[n] + Σ_k x_g[k] · weights[k, n]`` for each stretch ``x_g``.

    Arguments:
        out: a buffer of G · N numbers.
        sources: the first number of each of G stretches; nearly always one.
        weights: ``[K, N]`` float32; no row and no column is all zeros.
        bias: ``[N]`` float32.
        relu: whether a negative sum becomes 0; a NaN stays.
        sparse: whether the source is the output of a ReLU, so that many of its numbers may be 0.
    """

    out: int
    sources: tuple[Load, ...]
    weights: np.ndarray
    bias: np.ndarray
    relu: bool = False
    sparse: bool = False


@dataclass(frozen=True)
class Softmax:
    """``out[g · count + i] = exp(x_g[i] − max x_g) / Σ exp(x_g − max x_g)`` for each stretch ``x_g`` of ``count``."""

    out: int
    sources: tuple[Load, ...]
    count: int


Operation = Elementwise | Linear | Softmax


@dataclass(frozen=True)
class Input:
    """An input of the graph: its name, and the buffer that holds a row of it."""

    name: str
    buffer: int


@dataclass(frozen=True)
class Form:
    """A graph, for one row.

    Arguments:
        inputs: in the order of the graph; one whose numbers nothing reads is there as well.
        outputs: each number of the one output, flat, row-major: a load of stride 0, or a constant of shape ``[]``.
        shape: of one row of the output; ``()`` for a density.
        sizes: how many numbers each buffer has; buffers that no operation uses are among them.
        operations: in order.
    """

    inputs: tuple[Input, ...]
    outputs: tuple[Load | Constant, ...]
    shape: tuple[int, ...]
    sizes: tuple[int, ...]
    operations: tuple[Operation, ...]


def loads(operation: Operation) -> list[tuple[Load, int]]:
    """Every load of an operation, and over how many places it goes."""
    match operation:
        case Linear():
            return [(source, len(operation.weights)) for source in operation.sources]
        case Softmax():
            return [(source, operation.count) for source in operation.sources]
        case Elementwise():
            return [(load, run.length) for run in operation.runs for load in loads_of(run.expression)]


def loads_of(expression: Expression) -> list[Load]:
    """Every load of an expression."""
    if isinstance(expression, Load):
        return [expression]
    if isinstance(expression, Apply):
        return [load for argument in expression.arguments for load in loads_of(argument)]
    return []
