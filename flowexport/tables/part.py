"""One file of a table: what a reader of a format makes of it."""

from __future__ import annotations

__all__ = ["BLOCK_ROWS", "Batch", "Cells", "Numbering", "Part", "Refused", "require_once"]

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from flowexport.errors import DataError

from .coded import Coder
from .dialect import Dialect
from .faults import Faults

if TYPE_CHECKING:
    from .columns import ColumnData

BLOCK_ROWS = 65_536
"""Rows handed out at a time: large enough that the reader's cost is spread, 5 MB at ten float64 columns."""


class Cells(Protocol):
    """The cells of some rows, by column."""

    def __len__(self) -> int:
        """The number of rows."""

    def numbers(self, name: str, faults: Faults) -> tuple[np.ndarray, np.ndarray | None]:
        """A column as float64, and where it holds no value; None where all do."""

    def codes(self, name: str, coder: Coder, faults: Faults) -> np.ndarray:
        """A column of categories as codes, NaN where it holds no value."""

    def kept(self, name: str) -> ColumnData:
        """A column as it stands, as a writer takes it."""

    def column_texts(self, name: str) -> list[str]:
        """A column as text, empty where there is no value."""

    def texts(self, names: Sequence[str], place: int) -> list[str]:
        """The cells of a row as text."""


@dataclass(frozen=True)
class Refused:
    """A row that no cells could be made of.

    Arguments:
        number: of the row.
        what: is wrong with it.
        text: as it stands.
    """

    number: int
    what: str
    text: str


@dataclass(frozen=True)
class Batch:
    """Rows that were read together.

    Arguments:
        cells: of all rows but the refused ones.
        numbers: ``[rows]``, of the cells' rows in the file, whose first row is 1.
        refused: rows before or between them.
    """

    cells: Cells
    numbers: np.ndarray
    refused: Sequence[Refused] = ()


class Numbering:
    """Counts the rows of a file while they are read, those that were refused among them.

    Arguments:
        first: the number of the first; the file's first row is 1.
    """

    def __init__(self, first: int = 1) -> None:
        self.next = first
        self.refused: list[Refused] = []

    def batch(self, cells: Cells) -> Batch:
        """The next rows that were not refused."""
        numbers = np.arange(self.next, self.next + len(cells) + len(self.refused))
        numbers = numbers[~np.isin(numbers, [each.number for each in self.refused])][: len(cells)]
        if len(numbers):
            self.next = int(numbers[-1]) + 1
        # A reader may be ahead of what it hands out.
        before = [each for each in self.refused if each.number < self.next or not len(cells)]
        self.refused = self.refused[len(before) :]
        return Batch(cells, numbers, before)


@dataclass(frozen=True)
class Part:
    """One file of a table.

    Arguments:
        name: of the file.
        columns: its columns.
        named: whether it has names itself.
        rows: their number, where the file says so without being read.
        batches: reads the columns that are named; and whether rows that cannot be parted into cells are skipped.
        hint: what a message about a missing column ends with.
        dialect: how it is written, where it is text.
    """

    name: str
    columns: list[str]
    named: bool
    rows: int | None
    batches: Callable[[list[str], bool], Iterator[Batch]]
    hint: str = ""
    dialect: Dialect | None = None


def require_once(name: str, columns: Sequence[str]) -> None:
    """Refuses a table that has two columns of one name."""
    twice = [column for column, times in Counter(columns).items() if times > 1]
    if twice:
        raise DataError(f"the header names the column {twice[0]!r} twice", key=name)
