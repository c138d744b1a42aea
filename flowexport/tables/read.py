"""Reads tables block by block, as float64 rows, and names the row and the column of whatever is wrong."""

from __future__ import annotations

__all__ = ["BLOCK_ROWS", "Block", "Table", "block_of", "open_table", "require_once"]

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flowexport.errors import DataError

from .arrow import import_arrow
from .coded import MISSING, Coder, coded_arrow, coded_numbers
from .strict import StrictFile

BLOCK_ROWS = 65_536
"""Rows handed out at a time: large enough that the reader's cost is spread, 5 MB at ten float64 columns."""

CSV_BLOCK_BYTES = 4 << 20
"""Bytes of a CSV file parsed at a time; a single line may not be longer."""

Blocks = Iterator[tuple[np.ndarray, np.ndarray]]
"""Values ``[rows, columns]`` and their missing mask, a block at a time."""


@dataclass(frozen=True)
class Block:
    """Consecutive rows of a table.

    Arguments:
        start: the number of its first row; the table's first row is 1.
        values: ``[rows, columns]`` float64, codes in columns of categories; NaN where a value is missing.
        missing: ``[rows, columns]``, True where the table holds no value.
        columns: the names.
        path: the table.
    """

    start: int
    values: np.ndarray
    missing: np.ndarray
    columns: Sequence[str]
    path: Path

    def require_finite(self, missing: bool = False) -> None:
        """Refuses the first NaN or infinity by row and column, and missing values unless they are allowed.

        Raises:
            DataError: naming the file, the row (the first is 1) and the column.
        """
        bad = ~np.isfinite(self.values)
        if missing:
            bad &= ~self.missing
        if not bad.any():
            return
        row, column = np.argwhere(bad)[0]
        what = "a missing value" if self.missing[row, column] else f"the value {self.values[row, column]}"
        raise DataError(f"{self.path}: row {self.start + row}, column {self.columns[column]!r} holds {what}")

    def require_within(self, dtype: np.dtype) -> None:
        """Refuses the first number that is beyond all of a type, and would become an infinity.

        Raises:
            DataError: naming the file, the row and the column.
        """
        beyond = np.abs(self.values) > np.finfo(dtype).max
        if beyond.any():
            row, column = np.argwhere(beyond)[0]
            where = f"{self.path}: row {self.start + row}, column {self.columns[column]!r}"
            raise DataError(f"{where} holds {self.values[row, column]}, more than {dtype.name} can hold")


@dataclass(frozen=True)
class Table:
    """A table on disk.

    Arguments:
        path: the file.
        columns: its columns; those of an NPY file are named ``x0``, ``x1``, … by position.
        named: whether the file itself has names.
        rows: the number of rows, where the file says so without being read.
        source: makes the blocks of chosen columns.
    """

    path: Path
    columns: list[str]
    named: bool
    rows: int | None
    source: Callable[[list[str], Mapping[str, Coder]], Blocks]

    def match(self, columns: Sequence[str]) -> list[str]:
        """The table's own names of columns that a model asks for: by name, or by position where it has none.

        Raises:
            DataError: where a column is not there, or a file without names has more or fewer.
        """
        if self.named:
            self.require(columns)
            return list(columns)
        if len(columns) != len(self.columns):
            wanted = f"{len(columns)} are wanted ({', '.join(columns[:50])})"
            raise DataError(f"{self.path}: {len(self.columns)} columns without names, {wanted}")
        return self.columns

    def require(self, columns: Sequence[str]) -> None:
        """Refuses a column that the table does not have."""
        for name in columns:
            if name not in self.columns:
                raise DataError(f"{self.path}: no column {name!r}; it has {', '.join(self.columns[:50]) or 'none'}")

    def blocks(self, columns: Sequence[str], coders: Mapping[str, Coder] | None = None) -> Iterator[Block]:
        """The rows of the chosen columns, in that order, a block at a time.

        Arguments:
            columns: the table's own names of them.
            coders: of those that hold categories: what turns the text of one into its code.

        Raises:
            DataError: for an unknown column, a cell that is not a number or not a category, or a broken file.
        """
        self.require(columns)
        start = 1
        for values, missing in self.source(list(columns), coders or {}):
            yield Block(start, values, missing, columns, self.path)
            start += len(values)


def open_table(path: str | os.PathLike[str]) -> Table:
    """Opens a CSV (with a header), NPY (two axes, or images, whose other axes make one) or Parquet file.

    Raises:
        DataError: where the file is not there, of another format, or broken.
        MissingExtra: where CSV or Parquet is asked for and pyarrow is not installed.
    """
    path = Path(path)
    readers = {".csv": _open_csv, ".npy": _open_npy, ".parquet": _open_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: cannot tell the format from {path.suffix!r}; use .csv, .npy or .parquet")
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    return reader(path)


def _open_npy(path: Path) -> Table:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path}: not a readable NPY file ({first_line(error)})") from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: an NPZ archive, not an NPY file; save its one array with numpy.save")
    if array.ndim < 2 or array.dtype.kind not in "fiub":
        raise DataError(f"{path}: expected numbers on two axes or more, got {array.dtype} of shape {array.shape}")
    # Images are rows of pixels, flat in C order.
    width = math.prod(array.shape[1:])
    names = [f"x{i}" for i in range(width)]

    def blocks(columns: list[str], coders: Mapping[str, Coder]) -> Blocks:
        positions = [names.index(name) for name in columns]
        for start in range(0, len(array), BLOCK_ROWS):
            # Mapped anew for each block: pages of a mapping that stays would count as resident memory.
            rows = np.load(path, mmap_mode="r", allow_pickle=False)[start : start + BLOCK_ROWS]
            values = np.array(rows.reshape(len(rows), width)[:, positions], dtype=np.float64)
            for position, name in enumerate(columns):
                if name in coders:
                    values[:, position] = coded_numbers(values[:, position], name, path, start + 1, coders[name])
            yield values, np.zeros(values.shape, dtype=bool)

    return Table(path, names, False, len(array), blocks)


def _open_parquet(path: Path) -> Table:
    pyarrow, parquet = import_arrow("parquet")

    def opened() -> Any:
        try:
            # Buffered, not whole column chunks: a file of one huge row group must not be read into memory.
            return parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
        except (pyarrow.ArrowException, OSError) as error:
            raise DataError(f"{path}: not a readable Parquet file ({first_line(error)})") from error

    with opened() as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    require_once(path, list(schema.names))

    def blocks(columns: list[str], coders: Mapping[str, Coder]) -> Blocks:
        start = 1
        with opened() as file:
            try:
                for batch in file.iter_batches(BLOCK_ROWS, columns=columns, use_threads=False):
                    yield _to_numpy(batch, columns, coders, path, start, text=False)
                    start += batch.num_rows
            except (pyarrow.ArrowException, OSError) as error:
                raise DataError(f"{path}: broken Parquet file ({first_line(error)})") from error

    return Table(path, list(schema.names), True, rows, blocks)


def _open_csv(path: Path) -> Table:
    pyarrow, csv = import_arrow("csv")
    invalid: list[str] = []

    def refuse(row: Any) -> str:
        # The number counts the header, and lines with nothing in them do not count.
        where = "" if row.number is None else f"row {row.number - 1}: "
        invalid.append(f"{where}expected {row.expected_columns} cells, got {row.actual_columns}: {row.text[:80]!r}")
        return "error"

    def reason(file: StrictFile, error: Exception) -> DataError:
        if file.fault is not None:
            return file.fault
        return DataError(f"{path}: not a readable CSV file ({(invalid or [first_line(error)])[0]})")

    def opened(columns: list[str] | None) -> tuple[StrictFile, Any]:
        file = StrictFile(path)
        try:
            return file, csv.open_csv(
                file,
                read_options=csv.ReadOptions(use_threads=False, block_size=CSV_BLOCK_BYTES),
                parse_options=csv.ParseOptions(invalid_row_handler=refuse, newlines_in_values=True),
                # Cells are read as text and turned into numbers here: only so can a bad one be named.
                convert_options=csv.ConvertOptions(
                    include_columns=columns or [],
                    column_types={name: pyarrow.string() for name in columns or []},
                    strings_can_be_null=True,
                    null_values=MISSING,
                ),
            )
        except (pyarrow.ArrowException, OSError, DataError) as error:
            raise reason(file, error) from error

    names = list(opened(None)[1].schema.names)
    require_once(path, names)

    def blocks(columns: list[str], coders: Mapping[str, Coder]) -> Blocks:
        start = 1
        file, opened_reader = opened(list(dict.fromkeys(columns)))
        with opened_reader as reader:
            while True:
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    return
                except (pyarrow.ArrowException, OSError, DataError) as error:
                    raise reason(file, error) from error
                for offset in range(0, batch.num_rows, BLOCK_ROWS):
                    part = batch.slice(offset, BLOCK_ROWS)
                    yield _to_numpy(part, columns, coders, path, start, text=True)
                    start += part.num_rows

    return Table(path, names, True, None, blocks)


def block_of(batch: Any, columns: Sequence[str], coders: Mapping[str, Coder], start: int, name: str) -> Block:
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
    path = Path(name)
    return Block(start, *_to_numpy(batch, list(columns), coders, path, start, text=False), columns, path)


def _to_numpy(
    batch: Any, columns: list[str], coders: Mapping[str, Coder], path: Path, start: int, text: bool
) -> tuple[np.ndarray, np.ndarray]:
    """An Arrow batch, whose first row is number ``start``, as float64 values and their missing mask."""
    pyarrow, types = import_arrow("types")
    values = np.empty((batch.num_rows, len(columns)))
    missing = np.zeros(values.shape, dtype=bool)
    for position, name in enumerate(columns):
        column = batch.column(name)
        if name in coders:
            values[:, position] = coded_arrow(column, name, path, start, coders[name])
            missing[:, position] = np.isnan(values[:, position])
            continue
        if text:
            column = _parsed(column, name, path, start)
        elif not any(test(column.type) for test in numeric(types)):
            raise DataError(f"{path}: column {name!r} is of type {column.type}, not numbers")
        column = column.cast(pyarrow.float64(), safe=False)
        if column.null_count:
            missing[:, position] = column.is_null().to_numpy(zero_copy_only=False)
        values[:, position] = column.to_numpy(zero_copy_only=False)
    return values, missing


def _parsed(column: Any, name: str, path: Path, start: int) -> Any:
    """Text cells as float64, or the row of the first that is not a number."""
    pyarrow, compute = import_arrow("compute")
    column = compute.utf8_trim(column, characters=" ")
    try:
        return column.cast(pyarrow.float64())
    except pyarrow.ArrowException as error:
        for row, cell in enumerate(column.to_pylist()):
            try:
                pyarrow.scalar(cell, pyarrow.string()).cast(pyarrow.float64())
            except pyarrow.ArrowException:
                raise DataError(f"{path}: row {start + row}, column {name!r} holds {cell!r}, not a number") from error
        raise


def require_once(path: Path | str, names: Sequence[str]) -> None:
    """Refuses a table that has two columns of one name."""
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise DataError(f"{path}: the header names the column {twice[0]!r} twice")


def numeric(types: Any) -> list[Callable[[Any], bool]]:
    """The tests of ``pyarrow.types`` for what becomes a float64 without a question."""
    return [types.is_integer, types.is_floating, types.is_boolean, types.is_decimal]


def first_line(error: Exception) -> str:
    """An error of a library, cut to its first line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
