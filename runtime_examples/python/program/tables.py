"""CSV in and out: columns by name, cells that a model can take, and the row and column of one that it cannot."""

from __future__ import annotations

__all__ = ["LARGEST", "TableError", "context_of", "read_blocks", "write_header", "write_rows"]

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from flowbundle.manifest import ContextFeature, Manifest
from numpy.typing import NDArray

BLOCK_ROWS = 1024
LARGEST = float(np.finfo(np.float32).max)
"""A larger number, in a cell or as a temperature, would become infinite."""


class TableError(Exception):
    """A table or a context that cannot be read; the message says where."""


def read_blocks(lines: Iterable[str], manifest: Manifest) -> Iterator[NDArray[np.float64]]:
    """The rows of a CSV with a header, as ``[rows, features + context]``, a block at a time.

    Raises:
        TableError: for a missing column, or for a cell by its row (the first is 1) and column.
    """
    columns = [*(ContextFeature(name, None) for name in manifest.features), *manifest.context]
    try:
        rows = csv.reader(lines, strict=True)
        header = next(rows, [])
        places = [place_of(header, column.name) for column in columns]
        numbered = enumerate((row for row in rows if row), start=1)
        while block := list(islice(numbered, BLOCK_ROWS)):
            yield np.array([read_row(number, row, columns, places) for number, row in block])
    except (csv.Error, UnicodeDecodeError) as error:
        raise TableError(f"standard input: is not CSV in UTF-8 ({error})") from error


def place_of(header: list[str], name: str) -> int:
    if header.count(name) != 1:
        raise TableError(f"standard input: {'two columns' if name in header else 'no column'} {name!r} in the header")
    return header.index(name)


def read_row(number: int, row: list[str], columns: Sequence[ContextFeature], places: list[int]) -> list[float]:
    values = []
    for column, place in zip(columns, places, strict=True):
        cell = row[place] if place < len(row) else ""
        value = value_of(cell, column)
        if value is None:
            raise TableError(f"standard input: row {number}: column {column.name}: {cell!r} is no {wanted(column)}")
        values.append(value)
    return values


def context_of(text: str, manifest: Manifest) -> list[float]:
    """The values of ``--context V1,V2,…``."""
    cells = text.split(",")
    if len(cells) != len(manifest.context):
        raise TableError(f"--context: expected {len(manifest.context)} values, got {len(cells)}")
    values = []
    for cell, column in zip(cells, manifest.context, strict=True):
        value = value_of(cell, column)
        if value is None:
            raise TableError(f"--context: {column.name}: {cell!r} is no {wanted(column)}")
        values.append(value)
    return values


def value_of(cell: str, column: ContextFeature) -> float | None:
    """The number of a cell, or the code of its category; None where it is neither."""
    categories = column.categories
    if categories is not None and cell in categories:
        return float(categories.index(cell))
    try:
        # Python's own additions to the way that numbers are written are left out.
        value = float(cell) if cell.isascii() and "_" not in cell else np.nan
    except ValueError:
        return None
    if categories is not None:
        return value if value in range(len(categories)) else None
    return value if abs(value) <= LARGEST else None


def wanted(column: ContextFeature) -> str:
    return "finite number" if column.categories is None else f"category ({', '.join(column.categories)})"


def write_header(names: Iterable[str]) -> None:
    csv.writer(sys.stdout, lineterminator="\n").writerow(names)


def write_rows(*columns: NDArray[Any]) -> None:
    """Rows of one array ``[rows, columns]``, or of several ``[rows]``, shortest text that reads back the same."""
    cells = [column.astype(str).tolist() for column in columns]
    rows = cells[0] if columns[0].ndim > 1 else zip(*cells, strict=True)
    sys.stdout.writelines(",".join(row) + "\n" for row in rows)
