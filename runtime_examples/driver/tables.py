"""Tables in and out: columns by name, cells that a model can take, and the row and column of one that it cannot."""

from __future__ import annotations

__all__ = ["Columns", "number_of", "write_header", "write_rows"]

import csv
import math
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from .arrays import Array, round_to
from .bundle import Bundle
from .errors import Failure, Refusal
from .program import Program
from .records import read_records

BLOCK_ROWS = 1024

DECIMAL = re.compile(r" *[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *")

DIGITS = {"f4": (6, 9), "f8": (15, 17)}
"""So many survive the way into a type and back, and so many tell all its numbers apart."""

NORMAL = {"f4": 2.0**-126, "f8": sys.float_info.min}
"""Below it, numbers have fewer digits."""


class Columns:
    """The columns that a model wants, and how their cells become numbers.

    Arguments:
        program: knows the codes of categories.
        bundle: names the columns.
    """

    def __init__(self, program: Program, bundle: Bundle) -> None:
        self._program, self._bundle = program, bundle
        self._codes: dict[tuple[str, str], float] = {}

    def read_blocks(self, lines: Iterable[bytes]) -> Iterator[tuple[Array, Array | None]]:
        """The rows of a CSV with a header, as x and context, a block at a time.

        Arguments:
            lines: with their ends, LF.

        Raises:
            Failure: for what has two readings, a missing column, or a cell by its row (the first is 1) and column.
        """
        records = read_records(lines)
        _, header = next(records, ("", []))
        names = [*self._bundle.features, *self._bundle.context]
        twice = (
            next((name for name in header if header.count(name) > 1), None) if len({*header}) < len(header) else None
        )
        if twice is not None:
            raise Failure(f"standard input: two columns {twice!r} in the header")
        missing = next((name for name in names if name not in header), None)
        if missing is not None:
            raise Failure(f"standard input: no column {missing!r} in the header")
        places, width = [header.index(name) for name in names], self._bundle.width
        while block := [self._read_row(*record, len(header), places) for record in islice(records, BLOCK_ROWS)]:
            x = (number for row in block for number in row[:width])
            context = (number for row in block for number in row[width:])
            yield (
                Array.of(self._bundle.kind, (len(block), *self._bundle.event_shape), x),
                Array.of(self._bundle.kind, (len(block), len(places) - width), context)
                if self._bundle.context
                else None,
            )

    def context_of(self, text: str) -> Array:
        """``--context V1,V2,…``: numbers, labels, or codes where no label is a number."""
        cells, columns = text.split(","), self._bundle.context
        if len(cells) != len(columns):
            raise Failure(f"--context: expected {len(columns)} values, got {len(cells)}")
        values = [self._context_value(*each) for each in zip(cells, columns, columns.values(), strict=True)]
        return Array.of(self._bundle.kind, (len(values),), values)

    def _context_value(self, cell: str, column: str, labels: list[str] | None) -> float:
        number = number_of(cell)
        coded = labels is not None and all(number_of(label) is None for label in labels)
        if coded and number in range(len(labels or ())):
            try:
                return self._code(column, cell)
            except Refusal:
                assert number is not None
                return number
        return self._value("--context", cell, column, labels)

    def _read_row(self, where: str, row: list[str], width: int, places: Sequence[int]) -> list[float]:
        if len(row) != width:
            raise Failure(f"{where}: expected {width} cells, got {len(row)}")
        columns = [*((name, None) for name in self._bundle.features), *self._bundle.context.items()]
        return [self._value(where, row[place], *column) for place, column in zip(places, columns, strict=True)]

    def _value(self, where: str, cell: str, column: str, labels: list[str] | None) -> float:
        if labels is not None:
            try:
                return self._code(column, cell)
            except Refusal as refusal:
                raise Failure(f"{where}: column {column}: {refusal}") from refusal
        number = number_of(cell)
        if number is None or not math.isfinite(round_to(self._bundle.kind, number)):
            raise Failure(f"{where}: column {column}: {cell!r} is no finite number")
        return number

    def _code(self, column: str, label: str) -> float:
        if (column, label) not in self._codes:
            self._codes[column, label] = self._program.category(column, label)
        return self._codes[column, label]


def number_of(text: str) -> float | None:
    """A decimal number, perhaps with spaces around it."""
    return float(text) if DECIMAL.fullmatch(text) else None


def write_header(names: Iterable[str]) -> None:
    """The names of the columns."""
    csv.writer(sys.stdout, lineterminator="\n").writerow(names)


def write_rows(*columns: Array, width: int = 1) -> None:
    """Rows of columns, or of one array with so many numbers a row."""
    cells = [list(shortest(column)) for column in columns]
    rows = zip(*cells, strict=True) if len(cells) > 1 else zip(*[iter(cells[0])] * width, strict=True)
    sys.stdout.writelines(",".join(row) + "\n" for row in rows)


def shortest(numbers: Array) -> Iterator[str]:
    """The shortest text of each number that reads back the same."""
    fewest, most = DIGITS[numbers.kind]
    for number in numbers.values:
        for digits in range(1 if abs(number) < NORMAL[numbers.kind] else fewest, most + 1):
            text = f"{number:.{digits}g}"
            if digits == most or round_to(numbers.kind, float(text)) == number:
                break
        yield text
