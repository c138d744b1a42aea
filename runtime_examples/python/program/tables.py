"""CSV in and out: columns by name, cells that a model can take, and the row and column of one that it cannot."""

from __future__ import annotations

__all__ = ["MOST_BYTES", "TableError", "context_of", "read_blocks", "write_header", "write_rows"]

import codecs
import csv
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from flowbundle.manifest import ContextFeature, Manifest
from numpy.typing import NDArray

BLOCK_ROWS = 1024
MOST_BYTES = 4 << 20
"""A longer record is refused: without a line end a table would otherwise fill the memory."""

DECIMAL = re.compile(r" *[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *")
CELL = re.compile(r'"((?:[^"]|"")*)"|([^",]*)')
LONE_CR = re.compile(r"\r(?!\n)")


class TableError(Exception):
    """A table or a context that cannot be read; the message says where."""


def read_blocks(lines: Iterable[bytes], manifest: Manifest) -> Iterator[NDArray[np.float64]]:
    """The rows of a CSV with a header, as ``[rows, features + context]``, a block at a time.

    Arguments:
        lines: with their ends, LF.

    Raises:
        TableError: for what has two readings, a missing column, or a cell by its row (the first is 1) and column.
    """
    columns = [*(ContextFeature(name, None) for name in manifest.features), *manifest.context]
    records = read_records(lines)
    _, header = next(records, ("", []))
    twice = next((name for name in header if header.count(name) > 1), None) if len({*header}) < len(header) else None
    if twice is not None:
        raise TableError(f"standard input: two columns {twice!r} in the header")
    for column in columns:
        if column.name not in header:
            raise TableError(f"standard input: no column {column.name!r} in the header")
    places, largest = [header.index(column.name) for column in columns], largest_of(manifest)
    while block := list(islice(records, BLOCK_ROWS)):
        yield np.array([read_row(where, row, len(header), columns, places, largest) for where, row in block])


def read_records(lines: Iterable[bytes]) -> Iterator[tuple[str, list[str]]]:
    """Where a record is, for messages, and its cells; lines with nothing in them are none."""
    number, record, where = 0, b"", "standard input: header"
    for index, line in enumerate(lines):
        record += line if index else line.removeprefix(codecs.BOM_UTF8)
        if len(record) > MOST_BYTES:
            raise TableError(f"{where}: longer than {MOST_BYTES} bytes")
        if record.count(b'"') % 2:  # a line end between two quotes belongs to the cell
            continue
        if record not in (b"", b"\n", b"\r\n"):
            yield where, split_record(record, where)
            number += 1
            where = f"standard input: row {number}"
        record = b""
    if record:
        raise TableError(f"{where}: a quote is not closed")


def split_record(record: bytes, where: str) -> list[str]:
    """The cells of a record."""
    try:
        text = record.decode()
    except UnicodeDecodeError as error:
        raise TableError(f"{where}: is not UTF-8") from error
    if "\0" in text or LONE_CR.search(text):
        raise TableError(f"{where}: holds a NUL, or a CR that no LF follows")
    text = text.removesuffix("\n").removesuffix("\r")
    if '"' not in text:
        return text.split(",")
    cells, at = [], 0
    while at <= len(text):
        cell = CELL.match(text, at)
        assert cell is not None  # it matches nothing, too
        cells.append(cell[2] if cell[1] is None else cell[1].replace('""', '"'))
        at = cell.end() + 1
        if text[cell.end() : at] not in ("", ","):
            raise TableError(f"{where}: a quote in the wrong place")
    return cells


def read_row(
    where: str, row: list[str], width: int, columns: Sequence[ContextFeature], places: list[int], largest: float
) -> list[float]:
    if len(row) != width:
        raise TableError(f"{where}: expected {width} cells, got {len(row)}")
    values = []
    for column, place in zip(columns, places, strict=True):
        value = value_of(row[place], column, largest)
        if value is None:
            raise TableError(f"{where}: column {column.name}: {row[place]!r} is no {wanted(column)}")
        values.append(value)
    return values


def context_of(text: str, manifest: Manifest) -> list[float]:
    """The values of ``--context V1,V2,…``."""
    cells = text.split(",")
    if len(cells) != len(manifest.context):
        raise TableError(f"--context: expected {len(manifest.context)} values, got {len(cells)}")
    values = []
    for cell, column in zip(cells, manifest.context, strict=True):
        value = value_of(cell, column, largest_of(manifest), coded=True)
        if value is None:
            raise TableError(f"--context: {column.name}: {cell!r} is no {wanted(column)}")
        values.append(value)
    return values


def value_of(cell: str, column: ContextFeature, largest: float, coded: bool = False) -> float | None:
    """The number of a cell, or the code of the category whose label it holds; None where it is neither.

    Labels that are numbers are compared as numbers.

    Arguments:
        coded: whether a code will do as well, where no label is a number.
    """
    number = number_of(cell)
    if column.categories is None:
        return number if number is not None and abs(number) <= largest else None
    label = cell.strip(" ")
    for code, each in enumerate(column.categories):
        if each.strip(" ") == label or (number is not None and number_of(each) == number):
            return float(code)
    plain = all(number_of(each) is None for each in column.categories)
    return number if coded and plain and number in range(len(column.categories)) else None


def number_of(text: str) -> float | None:
    """A decimal number, perhaps with spaces around it."""
    return float(text) if DECIMAL.fullmatch(text) else None


def largest_of(manifest: Manifest) -> float:
    """The largest number that the bundle's type holds."""
    return float(np.finfo(manifest.dtype).max)


def wanted(column: ContextFeature) -> str:
    return "finite number" if column.categories is None else f"category ({', '.join(column.categories)})"


def write_header(names: Iterable[str]) -> None:
    csv.writer(sys.stdout, lineterminator="\n").writerow(names)


def write_rows(*columns: NDArray[Any]) -> None:
    """Rows of one array ``[rows, columns]``, or of several ``[rows]``, shortest text that reads back the same."""
    cells = [column.astype(str).tolist() for column in columns]
    rows = cells[0] if columns[0].ndim > 1 else zip(*cells, strict=True)
    sys.stdout.writelines(",".join(row) + "\n" for row in rows)
