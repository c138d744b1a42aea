"""Arrays of numpy as tables without names.

The header of an .npy file is a literal of Python. numpy evaluates it, and of damaged ones raises what Python's reader
does; here it has the one form in which numpy writes it.
"""

from __future__ import annotations

__all__ = ["open_npy"]

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flowexport.errors import DataError

from .coded import Coder, coded_numbers
from .faults import Faults
from .part import BLOCK_ROWS, Batch, Numbering, Part
from .source import Source

MAGIC = b"\x93NUMPY"

HEADER = re.compile(
    rb"\{'descr': (?P<descr>'[^']{1,20}'|\[.{1,200}\]), 'fortran_order': (?P<fortran>True|False), "
    rb"'shape': \((?P<shape>|\d{1,18},|\d{1,18}(?:, \d{1,18}){1,31})\),? \} *\n"
)

HEADER_BYTES = 1000
"""As numpy writes it, a header has a tenth of that."""

NUMBERS = re.compile(rb"'[<>|=](?:[iu][1248]|f(?:2|4|8|16)|b1)'")

COLUMNS = 1 << 20
"""Columns that a table may have: those of an image of 1,000 × 1,000 pixels."""


@dataclass(frozen=True)
class Header:
    """What an .npy file says of its array, which begins at ``offset``."""

    dtype: np.dtype
    shape: tuple[int, ...]
    fortran: bool
    offset: int

    def rows(self, path: Path) -> np.ndarray:
        """The array ``[rows, columns]``, mapped; images are rows of pixels, flat in C order."""
        order = "F" if self.fortran else "C"
        array: np.ndarray = np.memmap(path, self.dtype, "r", self.offset, self.shape, order)  # type: ignore[call-overload]
        return array


class ArrayCells:
    """The cells of rows of an array.

    Arguments:
        values: ``[rows, columns]``.
        names: of the columns.
    """

    def __init__(self, values: np.ndarray, names: Sequence[str]) -> None:
        self.columns: dict[str, np.ndarray] = dict(zip(names, values.T, strict=True))
        self.rows = len(values)

    def __len__(self) -> int:
        return self.rows

    def numbers(self, name: str, faults: Faults) -> tuple[np.ndarray, None]:
        """A column as float64; all of its cells hold a value."""
        return self.columns[name].astype(np.float64), None

    def codes(self, name: str, coder: Coder, faults: Faults) -> np.ndarray:
        """A column of categories as codes."""
        return coded_numbers(self.numbers(name, faults)[0], name, coder, faults)

    def kept(self, name: str) -> np.ndarray:
        """A column as it stands."""
        return self.columns[name]

    def column_texts(self, name: str) -> list[str]:
        """A column as text."""
        texts: list[str] = self.columns[name].astype(str).tolist()
        return texts

    def texts(self, names: Sequence[str], place: int) -> list[str]:
        """The cells of a row as text."""
        return [str(self.columns[name][place]) for name in names]


def open_npy(source: Source) -> Part:
    """An array: rows, and columns without names."""
    path = source.file()
    header = header_of(source.name, source.head, path.stat().st_size)
    width = math.prod(header.shape[1:])
    names = [f"x{i}" for i in range(width)]
    wanted = range(header.shape[0]) if source.rows is None else source.rows

    def batches(columns: list[str], skip: bool) -> Iterator[Batch]:
        places = {name: place for place, name in enumerate(names)}
        positions = [places[name] for name in columns]
        numbering = Numbering(wanted.start + 1)
        for start in range(wanted.start, wanted.stop, BLOCK_ROWS):
            # Mapped anew for each block: pages of a mapping that stays would count as resident memory.
            rows = header.rows(source.file())[start : min(start + BLOCK_ROWS, wanted.stop)]
            yield numbering.batch(ArrayCells(rows.reshape(len(rows), width)[:, positions], columns))

    return Part(source.name, names, False, len(wanted), batches)


def header_of(name: str, head: bytes, size: int) -> Header:
    """The header of a file of so many bytes.

    Raises:
        DataError: where it is of another format, cannot be read, or says of the array what cannot be.
    """
    if head.startswith(b"PK\x03\x04"):
        raise DataError("an NPZ archive, not an NPY file; save its one array with numpy.save", key=name)
    width = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}.get(head[6:8])
    if not head.startswith(MAGIC) or width is None:
        raise DataError("not a readable NPY file (it does not begin as one)", key=name)
    offset = 8 + width + int.from_bytes(head[8 : 8 + width], "little")
    found = HEADER.fullmatch(head[8 + width : offset]) if offset <= HEADER_BYTES else None
    if found is None:
        raise DataError("not a readable NPY file (its header is not as numpy writes it)", key=name)
    shape = tuple(int(axis) for axis in re.findall(rb"\d+", found["shape"]))
    if len(shape) < 2 or not NUMBERS.fullmatch(found["descr"]):
        kind = found["descr"].decode("ascii", "replace").strip("'")
        raise DataError(f"expected numbers on two axes or more, got {kind} of shape {shape}", key=name)
    if math.prod(shape[1:]) > COLUMNS:
        raise DataError(f"{math.prod(shape[1:]):,} columns, and {COLUMNS:,} are read", key=name)
    header = Header(np.dtype(found["descr"].decode().strip("'")), shape, found["fortran"] == b"True", offset)
    wanted = offset + math.prod(shape) * header.dtype.itemsize
    if size != wanted:
        raise DataError(f"{size:,} bytes, and an array of shape {shape} has {wanted:,}; is it whole?", key=name)
    return header
