"""Operators that only move numbers: nothing of them is left but other names."""

from __future__ import annotations

__all__ = ["LAYOUT"]

from collections.abc import Callable

import numpy as np

from flowexport.bundle.onnx_graph import Node

from .references import References, constants
from .trace import Trace
from .work import bounded


def gather(trace: Trace, node: Node) -> References:
    x = trace.row(node)
    axis = trace.axis(node, trace.attribute(node, "axis", 0), x.ndim)
    return np.take(x, trace.constant(node, 1), axis=axis)


def split(trace: Trace, node: Node) -> list[References]:
    x = trace.row(node)
    axis = trace.axis(node, trace.attribute(node, "axis", 0), x.ndim)
    sizes = trace.optional(node, 1)
    if sizes is None:
        share = -(-x.shape[axis] // len(node.outputs))
        return np.split(x, [share * part for part in range(1, len(node.outputs))], axis=axis)
    if (sizes < 0).any() or sizes.sum() != x.shape[axis] or len(sizes) != len(node.outputs):
        raise ValueError(f"{sizes.tolist()} of {x.shape[axis]}")
    return np.split(x, np.cumsum(sizes)[:-1], axis=axis)


def concat(trace: Trace, node: Node) -> References:
    parts = trace.operands(node)
    return np.concatenate(parts, axis=trace.axis(node, trace.attribute(node, "axis", 0), parts[0].ndim))


def reshape(trace: Trace, node: Node) -> References:
    x = trace.row(node)
    first, *shape = (int(size) for size in trace.constant(node, 1))
    if first not in (-1, 0) or (first == -1 and -1 in shape):
        trace.refuse("moves numbers across the batch", node)
    kept = [x.shape[place] if size == 0 else size for place, size in enumerate(shape)]
    return x.reshape(kept)


def squeeze(trace: Trace, node: Node) -> References:
    x = trace.row(node)
    return np.squeeze(x, tuple(trace.axis(node, int(axis), x.ndim) for axis in trace.constant(node, 1).ravel()))


def unsqueeze(trace: Trace, node: Node) -> References:
    x, axes = trace.row(node), trace.constant(node, 1).ravel()
    return np.expand_dims(x, tuple(trace.axis(node, int(axis), x.ndim + len(axes)) for axis in axes))


def flatten(trace: Trace, node: Node) -> References:
    if trace.attribute(node, "axis", 1) != 1:
        trace.refuse("moves numbers across the batch", node)
    return trace.row(node).ravel()


def transpose(trace: Trace, node: Node) -> References:
    x = trace.row(node)
    order = trace.attribute(node, "perm", list(range(x.ndim, -1, -1)))
    return x.transpose([trace.axis(node, int(axis), x.ndim) for axis in order[1:]])


def cut(trace: Trace, node: Node) -> References:
    x = trace.row(node)
    starts, ends = trace.constant(node, 1), trace.constant(node, 2)
    axes, steps = trace.optional(node, 3), trace.optional(node, 4)
    cuts = [slice(None)] * x.ndim
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        axis = trace.axis(node, place if axes is None else int(axes[place]), x.ndim)
        cuts[axis] = slice(int(start), int(end), 1 if steps is None else int(steps[place]))
    return x[tuple(cuts)]


def pad(trace: Trace, node: Node) -> References:
    x, widths, filling = trace.row(node), trace.constant(node, 1), trace.optional(node, 2)
    if trace.attribute(node, "mode", "constant") != "constant" or trace.optional(node, 3) is not None:
        trace.refuse("pads otherwise than all around with a constant", node)
    before, after = widths[: len(widths) // 2], widths[len(widths) // 2 :]
    if before[0] or after[0]:
        trace.refuse("works along the batch", node)
    around = [(int(left), int(right)) for left, right in zip(before[1:], after[1:], strict=True)]
    bounded(size + sum(widths) for size, widths in zip(x.shape, around, strict=True))
    value = constants(0.0 if filling is None else filling.ravel()[0])
    return np.pad(x, around, constant_values=int(value))


def space_to_depth(trace: Trace, node: Node) -> References:
    x, size = trace.row(node), trace.attribute(node, "blocksize", 1)
    channels, height, width = x.shape
    blocks = x.reshape(channels, height // size, size, width // size, size).transpose(2, 4, 0, 1, 3)
    return blocks.reshape(channels * size * size, height // size, width // size)


def depth_to_space(trace: Trace, node: Node) -> References:
    x, size = trace.row(node), trace.attribute(node, "blocksize", 1)
    channels, height, width = x.shape
    rest = channels // (size * size)
    if trace.attribute(node, "mode", "DCR") == "DCR":
        blocks = x.reshape(size, size, rest, height, width).transpose(2, 3, 0, 4, 1)
    else:
        blocks = x.reshape(rest, size, size, height, width).transpose(0, 3, 1, 4, 2)
    return blocks.reshape(rest, height * size, width * size)


def cast(trace: Trace, node: Node) -> References:
    # Truth is 1 and falsehood 0 in either type; the other way, a number would have to become true or false.
    if trace.attribute(node, "to", 0) != FLOAT32:
        trace.refuse("casts to another type than float32", node)
    return trace.row(node)


def identity(trace: Trace, node: Node) -> References:
    return trace.row(node)


FLOAT32 = 1
"""TensorProto.DataType."""

LAYOUT: dict[str, Callable[[Trace, Node], References | list[References]]] = {
    "Cast": cast,
    "Concat": concat,
    "DepthToSpace": depth_to_space,
    "Flatten": flatten,
    "Gather": gather,
    "Identity": identity,
    "Pad": pad,
    "Reshape": reshape,
    "Slice": cut,
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
