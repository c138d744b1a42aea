"""Arrays of float32 and float64: of .npy files, and on their way to a program and back."""

from __future__ import annotations

__all__ = ["Array", "read_npy", "round_to"]

import re
import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from .errors import Failure

CODES = {"f4": "f", "f8": "d"}
HEADER = re.compile(
    rb"\{'descr': '<(f4|f8)', 'fortran_order': False, 'shape': \((\d{1,10}(?:, \d{1,10})*)?,?\), \} *\n"
)
"""The header of an .npy file, as NumPy writes it. Nothing of it is evaluated."""


@dataclass(frozen=True)
class Array:
    """Numbers in C order.

    Arguments:
        kind: ``f4`` or ``f8``.
        shape: its axes.
        values: its numbers.
    """

    kind: str
    shape: tuple[int, ...]
    values: array[float]

    @classmethod
    def of(cls, kind: str, shape: tuple[int, ...], numbers: Iterable[float]) -> Array:
        """Numbers, rounded to the type; what it cannot hold is infinite."""
        return cls(kind, shape, array(CODES[kind], numbers))

    @classmethod
    def from_bytes(cls, kind: str, shape: tuple[int, ...], data: bytes) -> Array:
        """Little-endian numbers."""
        values: array[float] = array(CODES[kind])
        values.frombytes(data)
        if sys.byteorder == "big":
            values.byteswap()
        return cls(kind, shape, values)

    def to_bytes(self) -> bytes:
        """Little-endian numbers."""
        values = self.values[:]
        if sys.byteorder == "big":
            values.byteswap()
        return values.tobytes()

    def rows(self, start: int, stop: int) -> Array:
        """Some of the rows."""
        width = prod(self.shape[1:])
        return Array(self.kind, (stop - start, *self.shape[1:]), self.values[start * width : stop * width])


def round_to(kind: str, number: float) -> float:
    """A number as the type holds it, infinite where it is beyond."""
    return array(CODES[kind], [number])[0]


def read_npy(data: bytes, where: str) -> Array:
    """The array of an .npy file of version 1.0.

    Raises:
        Failure: for anything but an array of little-endian float32 or float64 with rows, in C order, whole.
    """
    length = int.from_bytes(data[8:10], "little")
    header = HEADER.fullmatch(data[10 : 10 + length])
    if data[:8] != b"\x93NUMPY\x01\x00" or header is None:
        raise Failure(f"{where}: is not an .npy file of version 1.0 with <f4 or <f8 in C order")
    kind, shape = header[1].decode(), tuple(int(size) for size in (header[2] or b"").split(b", ") if size)
    body = data[10 + length :]
    if len(body) != prod(shape) * int(kind[1]):
        raise Failure(f"{where}: {len(body)} bytes do not fill the shape {list(shape)} of {kind}")
    if not shape:
        raise Failure(f"{where}: has no rows")
    return Array.from_bytes(kind, shape, body)
