"""A graph in the making: nodes in their order, and constants, each kept once."""

from __future__ import annotations

__all__ = ["IR_VERSION", "PRODUCER", "Builder"]

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from flowexport import __version__
from flowexport.bundle.operators import OPSET

from ..program import Array

IR_VERSION = 10
PRODUCER = "flowexport", __version__

BATCH = "batch"


class Builder:
    """Collects the nodes of one graph.

    Arguments:
        dtype: of its numbers, float32 or float64.
    """

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._results = 0

    def numbers(self, name: str, array: Array | float) -> str:
        """A constant of the graph's own type; equal ones are one."""
        return self._constant(name, np.asarray(array, self.dtype))

    def whole(self, name: str, values: Sequence[int] | Array, dtype: type = np.int64) -> str:
        """A constant of whole numbers: shapes and axes are of 64 bits, indices of 32."""
        return self._constant(name, np.asarray(values, dtype))

    def flags(self, name: str, values: Array) -> str:
        """A constant of booleans."""
        return self._constant(name, np.asarray(values, np.bool_))

    def _constant(self, name: str, array: Array) -> str:
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            free = name
            while free in self.constants:
                free = f"{name}_{len(self.constants)}"
            self._known[key] = free
            self.constants[free] = np.ascontiguousarray(array).reshape(array.shape)
        return self._known[key]

    def node(self, kind: str, *inputs: str, **attributes: object) -> str:
        """Adds an operator of one result, and gives its name."""
        return self.several(kind, 1, *inputs, **attributes)[0]

    def several(self, kind: str, count: int, *inputs: str, **attributes: object) -> list[str]:
        """Adds an operator of some results, and gives their names."""
        results = [f"{kind.lower()}_{self._results + each}" for each in range(count)]
        self._results += count
        node = helper.make_node(kind, inputs, results)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in sorted(attributes.items()))
        self.nodes.append(node)
        return results

    def gemm(self, x: str, weight: str, bias: str | None, transposed: bool = True) -> str:
        """x Wᵀ + b, or x W + b."""
        inputs = [x, weight] if bias is None else [x, weight, bias]
        return self.node("Gemm", *inputs, alpha=1.0, beta=1.0, transA=0, transB=int(transposed))

    def total(self, terms: Sequence[str]) -> str:
        """The sum of tensors that are all a batch: one node, however many."""
        if len(terms) == 1:
            return terms[0]
        return self.node("Add" if len(terms) == 2 else "Sum", *terms)

    def truth(self, condition: str) -> str:
        """One where a condition holds, zero elsewhere."""
        return self.node("Cast", condition, to=helper.np_dtype_to_tensor_dtype(self.dtype))

    def inlined(self, traced: onnx.GraphProto, inputs: Sequence[str]) -> list[str]:
        """Adds the nodes of another graph, on these inputs, and gives the names of its outputs."""
        names = {each.name: given for each, given in zip(traced.input, inputs, strict=True)}
        for constant in traced.initializer:
            names[constant.name] = self._constant(constant.name, numpy_helper.to_array(constant))
        for node in traced.node:
            renamed = self.several(node.op_type, len(node.output), *(names.get(each, "") for each in node.input))
            self.nodes[-1].attribute.extend(node.attribute)
            names.update(zip(node.output, renamed, strict=True))
        return [names[each.name] for each in traced.output]

    def _drop_unused(self, result: str) -> set[str]:
        """Leaves out the nodes that a result does not come of, and gives the names that it comes of."""
        used, kept = {result}, []
        for node in reversed(self.nodes):
            if used.intersection(node.output):
                used.update(node.input)
                kept.append(node)
        self.nodes = kept[::-1]
        for number, node in enumerate(self.nodes):
            # ONNX Runtime before 1.19 takes nodes without names for one another.
            node.name = f"{node.op_type}_{number}"
        return used

    def model(self, name: str, inputs: dict[str, int], result: str, output: str, width: int | None) -> bytes:
        """The file: inputs ``[batch, width]`` by name, and one output, ``[batch]`` or ``[batch, width]``."""
        kind = helper.np_dtype_to_tensor_dtype(self.dtype)
        used = self._drop_unused(result)
        for node in self.nodes:
            for side in (node.input, node.output):
                side[:] = [output if each == result else each for each in side]
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info(key, kind, [BATCH, size]) for key, size in inputs.items()],
            [helper.make_tensor_value_info(output, kind, [BATCH] if width is None else [BATCH, width])],
            [numpy_helper.from_array(array, key) for key, array in self.constants.items() if key in used],
        )
        model = helper.make_model(
            graph,
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
            producer_name=PRODUCER[0],
            producer_version=PRODUCER[1],
            model_version=1,
        )
        data: bytes = model.SerializeToString(deterministic=True)
        return data
