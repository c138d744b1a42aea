"""Operators that sum: products, and softmax."""

from __future__ import annotations

__all__ = ["PRODUCTS", "gemms"]

from collections.abc import Callable

import numpy as np

from flowexport.bundle.onnx_graph import Node

from .references import References
from .trace import Trace


def matmul(trace: Trace, node: Node) -> References:
    x, weights = trace.row(node), trace.constant(node, 1)
    if weights.ndim != 2:
        trace.refuse("multiplies by another thing than a matrix", node)
    none = np.zeros(weights.shape[1], np.float32)
    return trace.work.linear(x.reshape(-1, x.shape[-1]), weights, none).reshape(*x.shape[:-1], weights.shape[1])


def softmax(trace: Trace, node: Node) -> References:
    x = trace.row(node)
    if trace.axis(node, trace.attribute(node, "axis", -1), x.ndim) != x.ndim - 1:
        trace.refuse("works along another axis than the last", node)
    return trace.work.softmax(x.reshape(-1, x.shape[-1])).reshape(x.shape)


def gemms(trace: Trace, node: Node, heads: list[Node]) -> list[References]:
    """A Gemm, and in the same product others that read what it reads.

    Arguments:
        heads: the others; see `heads_of`.

    Returns:
        One tensor a node, that of ``node`` first.
    """
    weights, biases = zip(*(weights_of(trace, each) for each in [node, *heads]), strict=True)
    joined = trace.work.linear(trace.row(node)[None], np.concatenate(weights, 1), np.concatenate(biases))
    parts = np.split(joined[0], np.cumsum([len(bias) for bias in biases])[:-1])
    if len(node.inputs) > 2 and node.inputs[2] in trace.rows:
        parts[0] = trace.work.apply("add", parts[0], trace.rows[node.inputs[2]])
    return parts


def weights_of(trace: Trace, node: Node) -> tuple[np.ndarray, np.ndarray]:
    """Weights ``[K, N]`` and bias ``[N]`` of a Gemm; a bias that is computed counts as 0 here."""
    if trace.attribute(node, "transA", 0) or trace.attribute(node, "beta", 1.0) != 1.0 or trace.row(node).ndim != 1:
        trace.refuse("is no product of a row by a matrix", node)
    weights = trace.constant(node, 1)
    weights = (weights.T if trace.attribute(node, "transB", 0) else weights) * trace.attribute(node, "alpha", 1.0)
    bias = np.zeros(weights.shape[1], np.float32)
    if len(node.inputs) > 2 and node.inputs[2] not in trace.rows:
        bias = bias + trace.constant(node, 2).reshape(-1)
    return weights, bias


PRODUCTS: dict[str, Callable[[Trace, Node], References]] = {"MatMul": matmul, "Softmax": softmax}
