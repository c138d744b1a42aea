"""The cells of Arrow batches."""

from __future__ import annotations

__all__ = ["ArrowCells"]

from collections.abc import Callable, Sequence
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from flowexport.errors import DataError

from .arrow import import_arrow
from .coded import MISSING, Coder, coded_arrow
from .faults import Faults
from .numbers import no_number

if TYPE_CHECKING:
    import pyarrow

    from .arrow import Array


class ArrowCells:
    """The cells of an Arrow batch.

    Arguments:
        batch: ``pyarrow.RecordBatch``.
        decimal: the decimal sign of numbers that are text; None where columns have types of their own.
    """

    def __init__(self, batch: pyarrow.RecordBatch, decimal: str | None) -> None:
        self.batch = batch
        self.decimal = decimal

    def __len__(self) -> int:
        rows: int = self.batch.num_rows
        return rows

    def numbers(self, name: str, faults: Faults) -> tuple[np.ndarray, np.ndarray | None]:
        """A column as float64, and where it holds no value."""
        pyarrow, types = import_arrow("types")
        column = self.batch.column(name)
        if self.decimal is not None:
            column = parsed(column, name, self.decimal, faults)
        elif not any(test(column.type) for test in numeric(types)):
            raise DataError(f"{faults.name}: column {name!r} is of type {column.type}, not numbers{faults.hint}")
        column = column.cast(pyarrow.float64(), safe=False)
        missing = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
        return column.to_numpy(zero_copy_only=False), missing

    def codes(self, name: str, coder: Coder, faults: Faults) -> np.ndarray:
        """A column of categories as codes, NaN where it holds no value."""
        return coded_arrow(self.batch.column(name), name, coder, faults)

    def kept(self, name: str) -> Array:
        """A column as it stands."""
        return self.batch.column(name)

    def column_texts(self, name: str) -> list[str]:
        """A column as text, empty where there is no value."""
        return ["" if cell is None else str(cell) for cell in self.batch.column(name).to_pylist()]

    def texts(self, names: Sequence[str], place: int) -> list[str]:
        """The cells of a row as text."""
        cells = [self.batch.column(name)[place].as_py() for name in names]
        return ["" if cell is None else str(cell) for cell in cells]


def parsed(column: Array, name: str, decimal: str, faults: Faults) -> Array:
    """Text cells as float64, null where they hold no value; those that are no numbers are faults."""
    pyarrow, compute = import_arrow("compute")
    trimmed = compute.utf8_trim(column, characters=" ")
    if decimal == ",":
        # A point is none of its numbers' signs: such a cell is kept from becoming one.
        pointed = compute.match_substring(trimmed, ".")
        trimmed = compute.replace_substring(trimmed, ",", ".")
        trimmed = compute.if_else(pointed, compute.binary_join_element_wise(".", trimmed, "."), trimmed)
    with suppress(pyarrow.ArrowException):
        numbers: Array = trimmed.cast(pyarrow.float64())
        return numbers
    missing = compute.is_in(column, value_set=pyarrow.array(MISSING))
    trimmed = compute.if_else(missing, pyarrow.scalar(None, pyarrow.string()), trimmed)
    try:
        numbers = trimmed.cast(pyarrow.float64())
    except pyarrow.ArrowException:
        bad = np.array([not is_number(cell) for cell in trimmed])
        faults.add(np.flatnonzero(bad), lambda place: no_number(name, column[place].as_py(), decimal) + faults.hint)
        kept = compute.if_else(pyarrow.array(bad), pyarrow.scalar(None, pyarrow.string()), trimmed)
        numbers = kept.cast(pyarrow.float64())
    return numbers


def is_number(cell: pyarrow.StringScalar) -> bool:
    """Whether an Arrow scalar of text becomes a float64, or is null."""
    pyarrow, _ = import_arrow("compute")
    try:
        cell.cast(pyarrow.float64())
    except pyarrow.ArrowException:
        return False
    return True


def numeric(types: ModuleType) -> list[Callable[[pyarrow.DataType], bool]]:
    """The tests of ``pyarrow.types`` for what becomes a float64 without a question."""
    return [types.is_integer, types.is_floating, types.is_boolean, types.is_decimal]
