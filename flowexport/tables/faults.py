"""What is wrong with rows: raised at the first, or kept by row where bad rows are skipped."""

from __future__ import annotations

__all__ = ["Faults"]

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from flowexport.errors import DataError


@dataclass
class Faults:
    """The faults of a block of rows.

    Arguments:
        name: of the table.
        numbers: ``[rows]``, of the block's rows in the table, whose first row is 1.
        skip: whether they are kept, and not raised.
        hint: what a message about a cell that is no number ends with.
        found: what is wrong first, by a row's place in the block.
    """

    name: str
    numbers: np.ndarray
    skip: bool = False
    hint: str = ""
    found: dict[int, str] = field(default_factory=dict)

    def add(self, places: Iterable[int], what: str | Callable[[int], str]) -> None:
        """Takes rows that have a fault.

        Arguments:
            places: of the rows in the block, the first row first.
            what: the fault is, of all of them or by the place.

        Raises:
            DataError: for the first of them, naming table and row, unless bad rows are skipped.
        """
        for place in places:
            words = what if isinstance(what, str) else what(place)
            if not self.skip:
                raise DataError(f"{self.name}: row {self.numbers[place]}, {words}")
            self.found.setdefault(int(place), words)
