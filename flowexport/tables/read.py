"""Reads tables block by block, as float64 rows, and names the row and the column of whatever is wrong."""

from __future__ import annotations

__all__ = ["Block", "Table", "block_of", "open_table"]

import csv
import io
import os
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from flowexport.errors import DataError, DataWarning

from .arrow_cells import ArrowCells
from .binary import open_arrow, open_parquet
from .coded import Coder
from .dialect import Dialect
from .faults import Faults
from .npy import open_npy
from .part import Batch, Part
from .source import Given, Source, sources_of
from .text import open_text

if TYPE_CHECKING:
    import pyarrow

OPENERS = {"npy": open_npy, "parquet": open_parquet, "arrow": open_arrow}


@dataclass(frozen=True)
class Block:
    """Consecutive rows of a table.

    Arguments:
        name: of the table.
        numbers: ``[rows]``, of the rows; the table's first row is 1.
        values: ``[rows, columns]`` float64, codes in columns of categories; NaN where a value is missing.
        missing: ``[rows, columns]``, True where the table holds no value.
        columns: the names.
        faults: of the rows.
        batch: the cells that they were read from.
        coded: the columns of categories.
        read: all columns that were read.
    """

    name: str
    numbers: np.ndarray
    values: np.ndarray
    missing: np.ndarray
    columns: Sequence[str]
    faults: Faults
    batch: Batch
    coded: Collection[str] = ()
    read: Sequence[str] = ()

    def require_finite(self, missing: bool = False, cure: str = "") -> None:
        """Refuses the first NaN or infinity by row and column, and missing values unless they are allowed, as is NaN.

        Arguments:
            missing: whether rows may lack values.
            cure: for a row that lacks one.

        Raises:
            DataError: naming the file, the row (the first is 1) and the column, unless bad rows are skipped.
        """
        bad = ~np.isfinite(self.values)
        if missing:
            bad &= ~np.isnan(self.values)

        def what(row: int) -> str:
            column = int(np.argmax(bad[row]))
            held = "a missing value" if self.missing[row, column] else f"the value {self.values[row, column]}"
            helps = f"; {cure}" if cure and np.isnan(self.values[row, column]) and not self.faults.skip else ""
            return f"column {self.columns[column]!r} holds {held}{helps}"

        self.refuse(bad, what)

    def require_within(self, dtype: np.dtype) -> None:
        """Refuses the first number that is beyond all of a type, and would become an infinity.

        Raises:
            DataError: naming the file, the row and the column, unless bad rows are skipped.
        """
        beyond = np.abs(self.values) > np.finfo(dtype).max

        def what(row: int) -> str:
            column = int(np.argmax(beyond[row]))
            held = f"column {self.columns[column]!r} holds {self.values[row, column]}"
            return f"{held}, more than {dtype.name} can hold"

        self.refuse(beyond, what)

    def refuse(self, bad: np.ndarray, what: str | Callable[[int], str]) -> None:
        """Takes the rows of bad cells ``[rows, columns]`` for faults, but for those that are faults already."""
        if bad.any():
            rows = np.flatnonzero(bad.any(axis=1)).tolist()
            self.faults.add([row for row in rows if row not in self.faults.found], what)

    def line(self, place: int) -> str:
        """A row of the block as a line of CSV, without its end."""
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(self.batch.cells.texts(self.read, place))
        return line.getvalue()

    def sound(self) -> np.ndarray:
        """``[rows]``, True where no fault was found."""
        sound = np.ones(len(self.values), dtype=bool)
        sound[list(self.faults.found)] = False
        return sound


@dataclass(frozen=True)
class Table:
    """A table on disk or from a pipe, in one file or several, one after the other.

    Arguments:
        parts: the files.
    """

    parts: Sequence[Part]

    @property
    def name(self) -> str:
        """Of the first file, and how many more there are."""
        more = len(self.parts) - 1
        return self.parts[0].name + (f" and {more:,} more" if more else "")

    @property
    def columns(self) -> list[str]:
        """Of the first file; those of files without names are ``x0``, ``x1``, … by position."""
        return self.parts[0].columns

    @property
    def named(self) -> bool:
        """Whether the files themselves have names."""
        return self.parts[0].named

    @property
    def rows(self) -> int | None:
        """The number of rows, where the files say so without being read."""
        known = [part.rows for part in self.parts if part.rows is not None]
        return sum(known) if len(known) == len(self.parts) else None

    def match(self, columns: Sequence[str]) -> list[str]:
        """The table's own names of columns that a model asks for: by name, or by position where it has none.

        Raises:
            DataError: where a column is not there, or a file without names has more or fewer.
        """
        if self.named:
            self.require(columns)
            return list(columns)
        for part in self.parts:
            if len(columns) != len(part.columns):
                wanted = f"{len(columns)} are wanted ({', '.join(columns[:50])})"
                raise DataError(f"{part.name}: {len(part.columns)} columns without names, {wanted}")
        return self.columns

    def require(self, columns: Sequence[str]) -> None:
        """Refuses a column that a file does not have."""
        for part in self.parts:
            there = set(part.columns)
            for name in columns:
                if name not in there:
                    has = ", ".join(part.columns[:50]) or "none"
                    raise DataError(f"{part.name}: no column {name!r}; it has {has}{part.hint}")

    def blocks(
        self,
        columns: Sequence[str],
        coders: Mapping[str, Coder] | None = None,
        kept: Sequence[str] = (),
        skip: bool = False,
        hint: str = "",
    ) -> Iterator[Block]:
        """The rows of the chosen columns, in that order, a block at a time.

        Arguments:
            columns: the table's own names of them.
            coders: of those that hold categories: what turns the text of one into its code.
            kept: columns whose cells are wanted as they stand, too.
            skip: whether what is wrong with a row is kept in its block's ``faults``, and not raised; all columns are
                read then, so that the row can be shown.
            hint: what a message about a cell that is no number ends with.

        Raises:
            DataError: for an unknown column, a cell that is not a number or not a category, or a broken file.
        """
        self.require([*columns, *kept])
        for part in self.parts:
            read = part.columns if skip else list(dict.fromkeys([*columns, *kept]))
            for batch in part.batches(read, skip):
                yield decoded(part.name, batch, list(columns), coders or {}, skip, read, hint)


def decoded(
    name: str,
    batch: Batch,
    columns: list[str],
    coders: Mapping[str, Coder],
    skip: bool,
    read: Sequence[str] = (),
    hint: str = "",
) -> Block:
    """The numbers and codes of a batch."""
    faults = Faults(name, batch.numbers, skip, hint)
    values = np.empty((len(batch.numbers), len(columns)))
    missing = np.zeros(values.shape, dtype=bool)
    for position, column in enumerate(columns):
        if column in coders:
            values[:, position] = batch.cells.codes(column, coders[column], faults)
            missing[:, position] = np.isnan(values[:, position])
        else:
            values[:, position], absent = batch.cells.numbers(column, faults)
            if absent is not None:
                missing[:, position] = absent
    return Block(name, batch.numbers, values, missing, columns, faults, batch, coders.keys(), read)


def block_of(
    batch: pyarrow.RecordBatch, columns: Sequence[str], coders: Mapping[str, Coder], start: int, name: str
) -> Block:
    """A few rows of Arrow as a block.

    Arguments:
        batch: a record batch.
        columns: which of its columns, in what order.
        coders: of those that hold categories.
        start: the number of the first row.
        name: what a message calls the table.

    Raises:
        DataError: for a column that is not of numbers, or a cell that is no category.
    """
    numbers = np.arange(start, start + batch.num_rows)
    return decoded(name, Batch(ArrowCells(batch, None), numbers), list(columns), coders, skip=False)


def open_table(given: Given | Sequence[Given], dialect: Dialect | None = None) -> Table:
    """Opens tables: CSV and TSV with a header, plain or gzip, NPY (two axes, or images, whose other axes make one),
    Parquet, and Feather or another Arrow file.

    Arguments:
        given: one or several, each a file, a folder of them, a pipe, or ``-`` for standard input.
        dialect: of text tables; what it leaves open is found in their first lines.

    Raises:
        DataError: where one is not there, of another format, or broken.
        MissingExtra: where Parquet or Arrow is asked for and pyarrow is not installed.

    Warns:
        DataWarning: where another delimiter than a comma, or another decimal sign than a point, was found.
    """
    each = [given] if isinstance(given, str | os.PathLike | Source) else given
    parts = [opened(source, dialect or Dialect()) for source in sources_of(each)]
    for part in parts[1:]:
        if part.named != parts[0].named:
            raise DataError(f"{part.name}: {parts[0].name} has names of columns and this not, or the other way round")
    return Table(parts)


def opened(source: Source, dialect: Dialect) -> Part:
    """One file."""
    if source.format in OPENERS:
        return OPENERS[source.format](source)
    if source.format == "tsv" and dialect.delimiter is None:
        dialect = replace(dialect, delimiter="\t")
    part = open_text(source, dialect)
    for key, usual in (("delimiter", ","), ("decimal", ".")):
        value = getattr(part.dialect, key)
        if getattr(dialect, key) is None and value != usual:
            warnings.warn(f"{source.name}: {key} {value!r}, as its first lines have it", DataWarning, stacklevel=3)
    return part
