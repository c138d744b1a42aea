"""Cells of text without pyarrow: the same numbers, and nothing to install."""

from __future__ import annotations

__all__ = ["TextCells"]

from collections.abc import Sequence

import numpy as np

from .coded import MISSING, Coder, coded_texts
from .faults import Faults
from .numbers import no_number, number_of


class TextCells:
    """The cells of records.

    Arguments:
        records: a list of cells for each row.
        columns: the names of all.
        chosen: those that are wanted.
        decimal: the decimal sign of numbers.
    """

    def __init__(self, records: Sequence[Sequence[str]], columns: Sequence[str], chosen: Sequence[str], decimal: str):
        places = {name: place for place, name in enumerate(columns)}
        self.columns = {name: [record[places[name]] for record in records] for name in chosen}
        self.rows = len(records)
        self.decimal = decimal

    def __len__(self) -> int:
        return self.rows

    def numbers(self, name: str, faults: Faults) -> tuple[np.ndarray, np.ndarray | None]:
        """A column as float64, and where it holds no value; what is no number is a fault."""
        cells = self.columns[name]
        found = [number_of(cell, self.decimal) for cell in cells]
        values = np.array(found, dtype=np.float64)  # NaN for None
        if None not in found:
            return values, None
        missing = np.array([cell in MISSING for cell in cells])
        bad = [place for place, number in enumerate(found) if number is None and not missing[place]]
        faults.add(bad, lambda place: no_number(name, cells[place], self.decimal) + faults.hint)
        return values, missing

    def codes(self, name: str, coder: Coder, faults: Faults) -> np.ndarray:
        """A column of categories as codes, NaN where it holds no value."""
        return coded_texts(self.columns[name], name, coder, faults)

    def kept(self, name: str) -> list[str]:
        """A column as it stands."""
        return self.columns[name]

    def column_texts(self, name: str) -> list[str]:
        """A column as text."""
        return self.columns[name]

    def texts(self, names: Sequence[str], place: int) -> list[str]:
        """The cells of a row."""
        return [self.columns[name][place] for name in names]
