"""What a runtime chooses its blocks by: how wide a graph is, and how much is between its operators."""

from __future__ import annotations

__all__ = ["Facts", "facts_of"]

import math
from typing import NamedTuple

import onnx


class Facts(NamedTuple):
    """Numbers of a row.

    Arguments:
        widest: of the largest result of an operator.
        between: of all results of operators but the last.
    """

    widest: int
    between: int


def facts_of(graph: bytes) -> Facts | None:
    """The facts of an ONNX file, or None where the shape of a result is not known before it is run."""
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(graph), strict_mode=True, data_prop=True)
    known = {each.name: each.type.tensor_type for each in (*model.graph.value_info, *model.graph.output)}
    sizes = []
    for node in model.graph.node:
        for name in filter(None, node.output):
            dims = list(known[name].shape.dim) if name in known and known[name].HasField("shape") else None
            # However many rows, their number stands first; a shape or the like is no result of rows.
            if dims is None or not all(dim.HasField("dim_value") for dim in dims[1:]):
                return None
            sizes.append(math.prod(dim.dim_value for dim in dims[1:]))
    return Facts(max(sizes, default=1), sum(sizes[:-1]))
