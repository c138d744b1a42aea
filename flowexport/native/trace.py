"""The names of a graph as it is walked: which tensors are known, and where the numbers of the others are."""

from __future__ import annotations

__all__ = ["Trace"]

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NoReturn, TypeVar

import numpy as np

from flowexport.bundle.onnx_graph import Attribute, Node, OnnxGraph
from flowexport.bundle.text import shown
from flowexport.errors import BundleError

from .form import Input
from .references import References, constants, places
from .work import Work

Kind = TypeVar("Kind", bound=Attribute)


class Trace:
    """What is known of a graph so far.

    Arguments:
        graph: whose nodes are walked.
        where: its file, for messages.
        most_runs: as `flowexport.native.read.form_of` takes it.
    """

    def __init__(self, graph: OnnxGraph, where: str, most_runs: int | None = None) -> None:
        self.graph = graph
        self.where = where
        self.work = Work(most_runs)
        self.readers = Counter(name for node in graph.nodes for name in node.inputs)
        self.rectified = {node.inputs[0] for node in graph.nodes if node.operator == "Relu" and node.inputs}
        """Tensors that a ReLU reads."""
        self.gemms = defaultdict[str, list[Node]](list)
        """Tensor → the Gemms that read it first."""
        for node in graph.nodes:
            if node.operator == "Gemm" and node.inputs and node.outputs:
                self.gemms[node.inputs[0]].append(node)
        self.constants = dict(graph.constants)
        self.rows: dict[str, References] = {}
        self.inputs = tuple(self.input(*each) for each in graph.outline.inputs)

    def input(self, name: str, element: str, shape: Sequence[int | str]) -> Input:
        """Takes an input of the graph as a buffer."""
        if element != "float32":
            self.refuse(f"its input {shown(name)} is {element}: only float32 is computed natively")
        row = [size for size in shape[1:] if isinstance(size, int)]
        buffer = self.work.buffer(math.prod(row))
        self.rows[name] = places(buffer, math.prod(row)).reshape(row)
        return Input(name, buffer)

    def refuse(self, why: str, node: Node | None = None) -> NoReturn:
        """Raises what stops this graph, in one line."""
        at = f"node {shown(node.name)} ({node.operator}) " if node is not None else ""
        raise BundleError(f"{at}{why}", file=self.where, cure="ONNX Runtime runs this bundle")

    def row(self, node: Node, place: int = 0) -> References:
        """An input of a node that is computed, without the axis of the batch."""
        if node.inputs[place] not in self.rows:
            self.refuse(f"reads the constant {shown(node.inputs[place])} where a row is expected", node)
        return self.rows[node.inputs[place]]

    def constant(self, node: Node, place: int) -> np.ndarray:
        """An input of a node that must be known."""
        if node.inputs[place] not in self.constants:
            self.refuse(f"computes {shown(node.inputs[place])}, which must be a constant", node)
        return self.constants[node.inputs[place]]

    def optional(self, node: Node, place: int) -> np.ndarray | None:
        """An input of a node that must be known where it is there."""
        return self.constant(node, place) if place < len(node.inputs) and node.inputs[place] else None

    def attribute(self, node: Node, name: str, default: Kind) -> Kind:
        """An attribute of a node, of the type of its default."""
        value = node.attributes.get(name, default)
        if not isinstance(value, type(default)):
            self.refuse(f"has an attribute {shown(name)} of another type", node)
        return value

    def axis(self, node: Node, axis: int, dimensions: int) -> int:
        """An axis of a row of so many dimensions, from the axis of the batch of rows that a node names."""
        place = axis + dimensions + 1 if axis < 0 else axis
        if not 1 <= place <= dimensions:
            self.refuse("works along the batch", node)
        return place - 1

    def operands(self, node: Node) -> list[References]:
        """All inputs of a node, computed and known, of shapes that broadcast as those of the batch do."""
        rows = [self.rows.get(name) for name in node.inputs]
        ranks = {each.ndim for each in rows if each is not None}
        if len(ranks) != 1:
            self.refuse("reads constants alone, or tensors of different ranks", node)
        return [self.known(node, place, *ranks) if each is None else each for place, each in enumerate(rows)]

    def known(self, node: Node, place: int, dimensions: int) -> References:
        """A known input of a node beside rows of so many dimensions."""
        known = self.constant(node, place)
        if known.ndim > dimensions:
            if known.ndim > dimensions + 1 or len(known) != 1:
                self.refuse(f"reads a constant {shown(node.inputs[place])} that has an axis of the batch", node)
            known = known[0]
        return constants(known)
