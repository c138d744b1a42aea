"""Operators on numbers one by one, in the functions of the form."""

from __future__ import annotations

__all__ = ["ARITHMETIC"]

from collections.abc import Callable
from functools import partial, reduce

from flowexport.bundle.onnx_graph import Node

from .references import References, constants
from .trace import Trace


def apply(function: str, trace: Trace, node: Node) -> References:
    return trace.work.apply(function, *trace.operands(node))


def over_all(function: str, trace: Trace, node: Node) -> References:
    return reduce(partial(trace.work.apply, function), trace.operands(node))


def clip(trace: Trace, node: Node) -> References:
    x = trace.row(node)
    for place, function in ((1, "max"), (2, "min")):
        bound = trace.optional(node, place)
        if bound is not None:
            x = trace.work.apply(function, x, constants(bound.reshape(())))
    return x


def negation(trace: Trace, node: Node) -> References:
    return trace.work.apply("sub", constants(1.0), trace.row(node))


def relu(trace: Trace, node: Node) -> References:
    """ReLU; that of a whole product which nothing else reads becomes part of it."""
    x = trace.row(node)
    return trace.work.rectified(x) if trace.readers[node.inputs[0]] == 1 else trace.work.apply("relu", x)


def tanh(trace: Trace, node: Node) -> References:
    """2 σ(2x) − 1."""
    work, two = trace.work, constants(2.0)
    x = work.apply("sigmoid", work.apply("mul", trace.row(node), two))
    return work.apply("sub", work.apply("mul", x, two), constants(1.0))


def leaky_relu(trace: Trace, node: Node) -> References:
    work, x = trace.work, trace.row(node)
    slope = constants(trace.attribute(node, "alpha", 0.01))
    return work.apply("where", work.apply("lt", x, constants(0.0)), work.apply("mul", x, slope), x)


def elu(trace: Trace, node: Node) -> References:
    work, x, zero, one = trace.work, trace.row(node), constants(0.0), constants(1.0)
    curve = work.apply("sub", work.apply("exp", work.apply("min", x, zero)), one)
    below = work.apply("mul", curve, constants(trace.attribute(node, "alpha", 1.0)))
    return work.apply("where", work.apply("lt", x, zero), below, x)


def softplus(trace: Trace, node: Node) -> References:
    """max(x, 0) + ln(1 + e^−|x|)."""
    work, x = trace.work, trace.row(node)
    far = work.apply("exp", work.apply("neg", work.apply("abs", x)))
    return work.apply(
        "add", work.apply("max", x, constants(0.0)), work.apply("log", work.apply("add", far, constants(1.0)))
    )


ALIKE = {
    "Abs": "abs",
    "Add": "add",
    "And": "mul",
    "Div": "div",
    "Equal": "eq",
    "Exp": "exp",
    "Greater": "gt",
    "GreaterOrEqual": "ge",
    "Less": "lt",
    "LessOrEqual": "le",
    "Log": "log",
    "Mul": "mul",
    "Neg": "neg",
    "Or": "max",
    "Sigmoid": "sigmoid",
    "Softsign": "softsign",
    "Sqrt": "sqrt",
    "Sub": "sub",
    "Where": "where",
}
"""Operators that are one function of the form."""

ARITHMETIC: dict[str, Callable[[Trace, Node], References]] = {
    **{operator: partial(apply, function) for operator, function in ALIKE.items()},
    "Clip": clip,
    "Elu": elu,
    "LeakyRelu": leaky_relu,
    "Max": partial(over_all, "max"),
    "Min": partial(over_all, "min"),
    "Not": negation,
    "Relu": relu,
    "Softplus": softplus,
    "Sum": partial(over_all, "add"),
    "Tanh": tanh,
}
