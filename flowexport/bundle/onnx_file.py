"""What an ONNX file holds, read from its bytes alone.

A bundle comes from anywhere, and the ``onnx`` package may not be there: this reads the few fields of the
protobuf wire format that decide whether a file may be opened at all. Numbers of fields are those of
``onnx.proto`` (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

__all__ = ["OnnxFile", "read_onnx"]

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from flowexport.errors import BundleError

ELEMENT_TYPES = {1: "float32", 6: "int32", 7: "int64", 9: "bool", 11: "float64"}
"""TensorProto.DataType, as far as a bundle's inputs and outputs may have them."""


@dataclass
class OnnxFile:
    """The outline of an ONNX model.

    Arguments:
        ir_version: of the file.
        opsets: domain → version; the standard domain is the empty name.
        inputs, outputs: name, element type, and dimensions, names or numbers.
        operators: how often each occurs; those of another domain as ``domain::name``.
        parameters: numbers in initialisers.
        external: whether a tensor's data lies in another file.
        subgraphs: whether a node holds a graph (If, Loop, Scan) or the model a function.
    """

    ir_version: int = 0
    opsets: dict[str, int] = field(default_factory=dict)
    inputs: list[tuple[str, str, list[int | str]]] = field(default_factory=list)
    outputs: list[tuple[str, str, list[int | str]]] = field(default_factory=list)
    operators: Counter[str] = field(default_factory=Counter)
    parameters: int = 0
    external: bool = False
    subgraphs: bool = False


def read_onnx(data: bytes, where: str) -> OnnxFile:
    """Reads the outline of an ONNX model.

    Raises:
        BundleError: where the bytes are not one whole model.
    """
    model = OnnxFile()
    view = memoryview(data)
    graphs = 0
    try:
        for number, value in fields(view):
            if number == 1:
                model.ir_version = integer(value)
            elif number == 7:
                graphs += 1
                read_graph(message(value), model)
            elif number == 8:
                opset = dict(fields(message(value)))
                model.opsets[text(opset.get(1, b""))] = integer(opset.get(2, 0))
            elif number == 25:
                model.subgraphs = True
    except (ValueError, IndexError) as error:
        raise BundleError(f"{where}: is not a whole ONNX file ({error})") from error
    if graphs != 1 or not model.opsets:
        raise BundleError(f"{where}: is not a whole ONNX file (it holds {graphs} graphs)")
    return model


def read_graph(graph: memoryview, model: OnnxFile) -> None:
    for number, value in fields(graph):
        if number == 1:
            read_node(message(value), model)
        elif number == 5:
            read_tensor(message(value), model)
        elif number in (11, 12):
            (model.inputs if number == 11 else model.outputs).append(value_info(message(value)))
        elif number == 15:
            read_sparse(message(value), model)


def read_node(node: memoryview, model: OnnxFile) -> None:
    name = domain = ""
    for number, value in fields(node):
        if number == 4:
            name = text(value)
        elif number == 7:
            domain = text(value)
        elif number == 5:
            for attribute, inner in fields(message(value)):
                if attribute in (5, 10):
                    read_tensor(message(inner), model)
                elif attribute in (22, 23):
                    read_sparse(message(inner), model)
                elif attribute in (6, 11):
                    model.subgraphs = True
    model.operators[f"{domain}::{name}" if domain not in ("", "ai.onnx") else name] += 1


def read_sparse(tensor: memoryview, model: OnnxFile) -> None:
    for number, value in fields(tensor):
        if number in (1, 2):
            read_tensor(message(value), model)


def read_tensor(tensor: memoryview, model: OnnxFile) -> None:
    size = 1
    for number, value in fields(tensor):
        if number == 1:
            for dimension in [value] if isinstance(value, int) else packed(value):
                size *= dimension
        elif number == 13 or (number == 14 and integer(value) != 0):
            model.external = True
    model.parameters += size


def value_info(info: memoryview) -> tuple[str, str, list[int | str]]:
    """A ValueInfoProto as name, element type and dimensions."""
    outer = dict(fields(info))
    tensor = dict(fields(message(dict(fields(message(outer.get(2, b"")))).get(1, b""))))
    dimensions: list[int | str] = []
    for _, value in fields(message(tensor.get(2, b""))):
        dimension = dict(fields(message(value)))
        dimensions.append(text(dimension[2]) if 2 in dimension else integer(dimension.get(1, 0)))
    element = integer(tensor.get(1, 0))
    return text(outer.get(1, b"")), ELEMENT_TYPES.get(element, f"type {element}"), dimensions


def fields(view: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a protobuf message: number, and an integer or the bytes of a length-delimited value."""
    position = 0
    while position < len(view):
        key, position = varint(view, position)
        kind = key & 7
        if kind == 0:
            value, position = varint(view, position)
            yield key >> 3, value
            continue
        length = {1: 8, 5: 4}.get(kind, -1)
        if kind == 2:
            length, position = varint(view, position)
        if length < 0 or position + length > len(view):
            raise ValueError(f"broken at byte {position} of a message of {len(view)}")
        yield key >> 3, view[position : position + length]
        position += length


def packed(view: memoryview) -> Iterator[int]:
    """The integers of a packed repeated field."""
    position = 0
    while position < len(view):
        value, position = varint(view, position)
        yield value


def varint(view: memoryview, position: int) -> tuple[int, int]:
    """A base-128 integer and the position behind it."""
    value = shift = 0
    while True:
        byte = view[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("an integer of more than 64 bits")


def message(value: int | memoryview | bytes) -> memoryview:
    if isinstance(value, int):
        raise ValueError("an integer where a message should be")
    return memoryview(value)


def text(value: int | memoryview | bytes) -> str:
    return bytes(message(value)).decode()


def integer(value: int | memoryview | bytes) -> int:
    if not isinstance(value, int):
        raise ValueError("a message where an integer should be")
    return value
