"""What an ONNX file holds, read from its bytes alone.

The ``onnx`` package may not be there, and what decides whether a file may be opened at all is small: this walks the
protobuf wire format by the table of `flowexport.bundle.operators`, and refuses whatever is not in it.
"""

from __future__ import annotations

__all__ = ["OnnxFile", "read_onnx"]

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flowexport.errors import BundleError

from .operators import ELEMENT_TYPES, MESSAGES, OPERATORS
from .text import shown, unprintable

REASONS = {
    ("Model", 25): "holds functions of its own, or subgraphs",
    ("Attribute", 6): "holds subgraphs",
    ("Attribute", 11): "holds subgraphs",
    ("Tensor", 13): "keeps data outside the file (external data)",
    ("Tensor", 14): "keeps data outside the file (external data)",
}
"""Fields that are refused as all others are, and are worth a word of their own."""

WIRES = {"int": (0,), "float": (5,), "ints": (0, 2), "floats": (5, 2), "doubles": (1, 2)}
"""Wire types of each kind; all other kinds are length-delimited."""

WIDTHS = {1: 8, 5: 4}
"""Wire type → bytes of a value, where all have as many."""

KEYS = {
    message: {
        number << 3 | wire: (number, of.removesuffix("*"), of.endswith("*"))
        for number, of in fields.items()
        for wire in WIRES.get(of.removesuffix("*"), (2,))
    }
    for message, fields in MESSAGES.items()
}
"""Message → key of a field as it is written, its number and its wire type → number, kind, whether it may come again."""

Message = dict[int, list[Any]]
"""The values of each field in their order: whole numbers, bytes, texts, or messages."""


@dataclass
class OnnxFile:
    """The outline of an ONNX model.

    Arguments:
        ir_version: of the file.
        opsets: every domain that is imported, and its version; the standard domain is the empty name.
        inputs, outputs: name, element type, and dimensions, names or numbers.
        operators: how often each occurs.
        parameters: numbers in initialisers and constants.
        lengths: of their axes.
    """

    ir_version: int = 0
    opsets: list[tuple[str, int]] = field(default_factory=list)
    inputs: list[tuple[str, str, list[int | str]]] = field(default_factory=list)
    outputs: list[tuple[str, str, list[int | str]]] = field(default_factory=list)
    operators: Counter[str] = field(default_factory=Counter)
    parameters: int = 0
    lengths: set[int] = field(default_factory=set)


def read_onnx(data: bytes, where: str) -> OnnxFile:
    """Reads the outline of an ONNX model.

    Raises:
        BundleError: where the bytes are not one whole model, or hold a field or an operator that a bundle may not.
    """
    with reading(where):
        return outline(read_message(data, "Model"))


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Names the file in what is wrong with its bytes.

    Raises:
        BundleError: for whatever a reader of them raises.
    """
    try:
        yield
    except Refused as refused:
        raise BundleError(str(refused), file=where) from refused
    except (ValueError, IndexError) as error:
        raise BundleError(f"is not a whole ONNX file ({error})", file=where) from error


class Refused(Exception):
    """A file that is whole, and holds what a bundle may not."""


def outline(model: Message) -> OnnxFile:
    """The outline of a model's fields."""
    if 7 not in model or 8 not in model:
        raise ValueError("it holds no graph, or imports no operators")
    graph = model[7][0]
    found = OnnxFile(
        ir_version=one(model, 1, 0),
        opsets=[(one(opset, 1, ""), one(opset, 2, 0)) for opset in model[8]],
        inputs=[value_info(each) for each in graph.get(11, ())],
        outputs=[value_info(each) for each in graph.get(12, ())],
    )
    tensors = list(graph.get(5, ()))
    for node in graph.get(1, ()):
        name, domain = one(node, 4, ""), one(node, 7, "")
        if domain or name not in OPERATORS:
            called = shown(f"{domain}::{name}" if domain else name)
            raise Refused(f"uses the operator {called}, which a bundle may not")
        found.operators[name] += 1
        tensors += [each for attribute in node.get(5, ()) for each in attribute.get(5, ())]
    for tensor in tensors:
        shape = shape_of(tensor)
        found.parameters += math.prod(shape)
        found.lengths.update(shape)
    return found


def value_info(value: Message) -> tuple[str, str, list[int | str]]:
    """A ValueInfoProto as name, element type and dimensions."""
    tensor = one(one(value, 2, {}), 1, {})
    dimensions: list[int | str] = [
        each[2][0] if 2 in each else one(each, 1, 0) for each in one(tensor, 2, {}).get(1, ())
    ]
    element = one(tensor, 1, 0)
    return one(value, 1, ""), ELEMENT_TYPES.get(element, f"type {element}"), dimensions


def shape_of(tensor: Message) -> list[int]:
    """The lengths of a tensor's axes.

    Raises:
        Refused: where they are no numbers.
    """
    element = one(tensor, 2, 0)
    if element not in ELEMENT_TYPES:
        raise Refused(f"holds a tensor of type {element}, which a bundle may not")
    return [each for part in tensor.get(1, ()) for each in (packed(part) if isinstance(part, memoryview) else (part,))]


def read_message(data: bytes, kind: str, start: int = 0, end: int | None = None) -> Message:
    """The fields of a protobuf message, and of the messages in it, each held to its row of the table.

    Arguments:
        data: of the file.
        kind: of the message.
        start, end: where it lies; the whole file where they are left out.

    Raises:
        Refused: for a field that is not in the table, is of another wire type, or is there twice.
        ValueError, IndexError: for bytes that are none.
    """
    allowed = KEYS[kind]
    message: Message = {}
    position, end = start, len(data) if end is None else end
    while position < end:
        key, position = varint(data, position)
        if key not in allowed:
            number = key >> 3
            raise Refused(REASONS.get((kind, number), f"holds field {number} of {kind}, which a bundle may not"))
        number, name, again = allowed[key]
        wire, first = key & 7, position
        value: Any
        if wire == 0:
            value, position = varint(data, position)
        else:
            length, first = varint(data, position) if wire == 2 else (WIDTHS[wire], position)
            position = first + length
        if position > end:
            raise ValueError(f"a field of {kind} ends at byte {position} of {end}")
        if name == "text":
            value = text(data[first:position])
        elif name in MESSAGES:
            value = read_message(data, name, first, position)
        elif wire != 0:
            value = memoryview(data)[first:position]
        if number not in message:
            message[number] = [value]
        elif again:
            message[number].append(value)
        else:
            raise Refused(f"holds field {number} of {kind} twice")
    return message


def packed(view: memoryview) -> Iterator[int]:
    """The integers of a packed repeated field."""
    position = 0
    while position < len(view):
        value, position = varint(view, position)
        yield value


def varint(view: bytes | memoryview, position: int) -> tuple[int, int]:
    """A base-128 integer and the position behind it."""
    byte = view[position]
    if byte < 0x80:
        return byte, position + 1
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


def one(message: Message, number: int, default: object) -> Any:
    """The value of a field that comes once, or what stands for it where it is left out."""
    values = message.get(number)
    return values[0] if values else default


def text(value: memoryview | bytes) -> str:
    """A name in the file."""
    name = str(value, "utf-8")
    if unprintable(name):
        raise Refused(f"holds a name with {unprintable(name)}: {shown(name)}")
    return name
