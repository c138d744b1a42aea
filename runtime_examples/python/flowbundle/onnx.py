"""What a graph may hold: operators and fields of the file that are on a list, so that it has one reading."""

from __future__ import annotations

__all__ = ["check_graph"]

from .errors import BundleError
from .operators import FIELDS, OPERATORS, OPSET, TYPES

MESSAGES = {
    name: dict(zip(map(int, words[::2]), words[1::2], strict=True))
    for name, *words in (message.split() for message in FIELDS.split(";"))
}
WIRES = {"int": (0,), "ints": (0, 2), "float": (5,), "floats": (5, 2), "doubles": (1, 2)}
"""What a field is → the ways in which protobuf may write it; 2 is length-delimited, as texts and messages are."""

Found = dict[int, int | bytes]
"""Field → its last value."""


def check_graph(data: bytes, where: str) -> None:
    """Refuses an ONNX file with anything that is not on the list: see docs/bundle.md.

    Raises:
        BundleError: naming what it is.
    """
    try:
        walk(data, "Model")
    except (ValueError, IndexError) as error:
        raise BundleError(f"{where}: {error or 'is cut short'}") from error


def walk(data: bytes, message: str) -> Found:
    """Holds a message, and those in it, to the list."""
    found: Found = {}
    counts: dict[int, int] = {}
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        number, wire = tag >> 3, tag & 7
        kind = MESSAGES[message].get(number)
        base = (kind or "").rstrip("*")
        if kind is None or wire not in WIRES.get(base, (2,)):
            raise ValueError(f"{message} has the field {number}, which is not on the list of those that a graph has")
        counts[number] = counts.get(number, 0) + 1
        if counts[number] > 1 and kind == base:
            raise ValueError(f"{message} has {base} (field {number}) twice: one opset, one graph, one reading")
        if wire == 0:
            found[number], at = varint(data, at)
            continue
        size, at = varint(data, at) if wire == 2 else ({5: 4, 1: 8}[wire], at)
        found[number], at = data[at : at + size], at + size
        if at > len(data):
            raise ValueError("is cut short")
        if base in MESSAGES:
            walk(data[at - size : at], base)
    check(message, found, counts)
    return found


def check(message: str, found: Found, counts: dict[int, int]) -> None:
    """What a message must say."""
    if message == "Model" and (counts.get(7) != 1 or counts.get(8) != 1):
        raise ValueError(f"expected one graph and one opset, {OPSET} of the standard domain")
    if message == "Opset" and (found.get(1, b"") != b"" or found.get(2) != OPSET):
        raise ValueError(f"opset: expected {OPSET} of the standard domain alone")
    if message == "Node":
        operator, domain = found.get(4, b""), found.get(7, b"")
        assert isinstance(operator, bytes)
        if domain != b"" or operator.decode(errors="replace") not in OPERATORS.split():
            raise ValueError(f"{operator.decode(errors='replace')!r} is not on the list of operators")
    if message in ("Tensor", "TensorType"):
        element = found.get(2 if message == "Tensor" else 1)
        if not isinstance(element, int) or str(element) not in TYPES.split():
            raise ValueError(f"a tensor of the element type {element!r}")


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of at most ten bytes, and where the next one is."""
    value = 0
    for shift in range(0, 70, 7):
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    raise ValueError("a number of more than ten bytes")
