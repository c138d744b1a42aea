"""The nodes and the numbers of a bundle's graph, for whoever computes it without ONNX Runtime."""

from __future__ import annotations

__all__ = ["Attribute", "Node", "OnnxGraph", "read_graph"]

import math
from dataclasses import dataclass

import numpy as np

from .onnx_file import Message, OnnxFile, one, outline, packed, read_message, reading, text
from .operators import ELEMENT_TYPES

Attribute = int | float | str | np.ndarray | list[int] | list[float]

TYPES = {number: np.dtype(name) for number, name in ELEMENT_TYPES.items()}

KEPT_IN = {"float32": 4, "float64": 10, "int64": 7, "int32": 5, "int8": 5, "uint8": 5, "bool": 5}
"""The field of a tensor that keeps numbers of each type where they are not raw bytes."""


@dataclass(frozen=True)
class Node:
    """One operator, the names of the tensors that it reads (an empty one is left out) and makes, and its attributes."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Attribute]


@dataclass(frozen=True)
class OnnxGraph:
    """A graph, whole.

    Arguments:
        outline: what `read_onnx` says of the file.
        nodes: in an order in which they can be computed.
        constants: of initialisers, by name.
    """

    outline: OnnxFile
    nodes: tuple[Node, ...]
    constants: dict[str, np.ndarray]


def read_graph(data: bytes, where: str) -> OnnxGraph:
    """Reads the graph of an ONNX model.

    Raises:
        BundleError: where `read_onnx` refuses the file, or a tensor has not as many numbers as it declares.
    """
    with reading(where):
        model = read_message(data, "Model")
        found = outline(model)
        graph = model[7][0]
        constants = {one(tensor, 8, ""): array(tensor) for tensor in graph.get(5, ())}
        return OnnxGraph(found, tuple(map(node, graph.get(1, ()))), constants)


def node(message: Message) -> Node:
    """A NodeProto."""
    return Node(
        operator=one(message, 4, ""),
        name=one(message, 3, ""),
        inputs=tuple(message.get(1, ())),
        outputs=tuple(message.get(2, ())),
        attributes={one(each, 1, ""): attribute(each) for each in message.get(5, ())},
    )


def attribute(message: Message) -> Attribute:
    """The value of an AttributeProto, by its type; one that is left out is 0 of that type."""
    match one(message, 20, 0):
        case 1:
            return float(np.frombuffer(one(message, 2, bytes(4)), "<f4")[0])
        case 2:
            return signed(one(message, 3, 0))
        case 3:
            return text(one(message, 4, b""))
        case 4:
            return array(one(message, 5, {}))
        case 6:
            return [float(value) for value in np.frombuffer(joined(message, 7), "<f4")]
        case 7:
            return whole(message, 8)
        case kind:
            raise ValueError(f"an attribute of type {kind}")


def array(tensor: Message) -> np.ndarray:
    """The numbers of a TensorProto."""
    shape = whole(tensor, 1)
    kind = TYPES[one(tensor, 2, 0)]
    if 9 in tensor:
        flat = np.frombuffer(tensor[9][0], kind.newbyteorder("<"))
    elif kind.kind == "f":
        flat = np.frombuffer(joined(tensor, KEPT_IN[kind.name]), kind.newbyteorder("<"))
    else:
        flat = np.array(whole(tensor, KEPT_IN[kind.name])).astype(kind)
    if any(size < 0 for size in shape) or flat.size != math.prod(shape):
        raise ValueError(f"a tensor of shape {shape} has {flat.size} numbers")
    return flat.astype(kind, copy=False).reshape(shape)


def whole(message: Message, number: int) -> list[int]:
    """The whole numbers of a field that comes one by one or packed."""
    parts = message.get(number, ())
    return [signed(each) for part in parts for each in (packed(part) if isinstance(part, memoryview) else (part,))]


def joined(message: Message, number: int) -> bytes:
    """The bytes of the floats of a field that come one by one or packed."""
    return b"".join(message.get(number, ()))


def signed(value: int) -> int:
    """A varint as the 64-bit number that it stands for."""
    return value - 2**64 if value >= 2**63 else value
