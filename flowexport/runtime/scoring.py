"""The scores of a table, block by block: what ``flowexport score`` writes, wherever it runs."""

from __future__ import annotations

__all__ = ["BAD", "Counts", "Missing", "Scoring", "require_kept"]

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from flowexport.errors import DataError
from flowexport.tables import Block, Table, TableWriter

from .categories import coders_of
from .ranks import Ranks

if TYPE_CHECKING:
    from flowexport.tables.columns import ColumnData

    from .model import Model

Missing = Literal["refuse", "drop", "empty"]

CURE = "--missing drop leaves such rows out, --missing empty their scores"

BAD = ("file", "row", "reason", "line")
"""The columns of a table of bad rows."""


class Counts(NamedTuple):
    """Rows that were read, scored, without a value, and below the reference; ``total`` is of log_prob."""

    read: int
    scored: int
    absent: int
    total: float
    below: int


@dataclass
class Scoring:
    """Scores a table's blocks, and counts its rows.

    Arguments:
        model: that scores.
        ranks: what stands beside log_prob.
        context: ``[context]``, one for all rows, in place of columns of the table.
        missing: whether rows without a value are refused, left out, or written without a score.
        kept: columns that are written before the scores.
        typed: whether they are numbers where the model reads them as numbers, and not as they stand.
        bad: where bad rows go, as the columns of `BAD`; None where they are refused.
    """

    model: Model
    ranks: Ranks
    context: np.ndarray | None = None
    missing: Missing = "refuse"
    kept: Sequence[str] = ()
    typed: bool = False
    bad: TableWriter | None = None
    read: int = 0
    scored: int = 0
    absent: int = 0
    total: float = 0.0

    def blocks(self, table: Table) -> Iterator[list[ColumnData]]:
        """What is written of each block: the kept columns, log_prob and where it stands.

        Raises:
            DataError: for a column that is not there, and a row that is refused, by its number.
        """
        features, contexts = self.model.features, [] if self.context is not None else self.model.context_features
        chosen = table.match([*features, *(feature.name for feature in contexts)])
        coders = coders_of(contexts, chosen[len(features) :], codes=not table.named)
        for block in table.blocks(chosen, coders, self.kept, skip=self.bad is not None):
            yield self.columns(block)

    def columns(self, block: Block) -> list[ColumnData]:
        """What is written of a block."""
        block.require_finite(missing=self.missing != "refuse", cure=CURE)
        block.require_within(self.model.dtype)
        sound = block.sound()
        # In a bad row that holds no value either, NaN is what is left of a cell that is no number.
        absent = np.isnan(block.values).any(axis=1) & sound
        scored = sound & ~absent
        values = block.values[scored]
        width = len(self.model.features)
        given = self.context if self.context is not None else values[:, width:] if self.model.context_size else None
        log_prob = self.model.log_prob(values[:, :width].reshape(-1, *self.model.event_shape), given)
        self.put_aside(block)
        self.read += len(block.numbers) + len(block.batch.refused)
        self.scored += len(log_prob)
        self.absent += int(absent.sum())
        self.total += float(log_prob.sum(dtype=np.float64))
        written = sound if self.missing == "empty" else scored
        figures = [log_prob, *self.ranks.of(log_prob, given)]
        return [*(self.kept_column(block, name, written) for name in self.kept), *spread(figures, scored[written])]

    def kept_column(self, block: Block, name: str, rows: np.ndarray) -> ColumnData:
        """A column of the input, of some rows."""
        if self.typed and name in block.columns and name not in block.coded:
            position = list(block.columns).index(name)
            return np.ma.MaskedArray(block.values[rows, position], block.missing[rows, position])
        column = block.batch.cells.kept(name)
        if rows.all():
            return column
        if isinstance(column, list):
            return [cell for cell, row in zip(column, rows, strict=True) if row]
        return column[rows] if isinstance(column, np.ndarray) else column.take(np.flatnonzero(rows))

    def put_aside(self, block: Block) -> None:
        """Writes the bad rows of a block where they go, in their order."""
        rows = [(int(block.numbers[place]), what, block.line(place)) for place, what in block.faults.found.items()]
        rows += [(each.number, each.what, each.text) for each in block.batch.refused]
        if rows and self.bad is not None:
            numbers, reasons, lines = zip(*sorted(rows), strict=True)
            self.bad.write([block.name] * len(rows), np.array(numbers), list(reasons), list(lines))

    @property
    def names(self) -> list[str]:
        """Of the columns that are written."""
        return [*self.kept, "log_prob", *self.ranks.columns]

    def counts(self) -> Counts:
        """Of the rows so far, for `add`."""
        return Counts(self.read, self.scored, self.absent, self.total, self.ranks.below)

    def add(self, counts: Counts) -> None:
        """Counts rows that were scored elsewhere."""
        self.read += counts.read
        self.scored += counts.scored
        self.absent += counts.absent
        self.total += counts.total
        self.ranks.below += counts.below

    @property
    def skipped(self) -> int:
        """Bad rows that were put aside."""
        return 0 if self.bad is None else self.bad.rows

    def remarks(self) -> Iterator[str]:
        """What to say when all rows are scored."""
        if self.absent:
            become = "are written without a score" if self.missing == "empty" else "are left out"
            yield f"{self.absent:,} of {self.read:,} rows hold no value in a column that is scored, and {become}"
        if self.bad is not None and self.skipped:
            rows = f"{self.skipped:,} of {self.read:,} rows are bad"
            yield f"{rows}, and left out; {self.bad.name} has them, with reasons"
        yield from self.ranks.remarks()

    def summary(self) -> dict[str, object]:
        """All of it as figures."""
        mean = self.total / self.scored if self.scored else None
        counts = {"read": self.read, "scored": self.scored, "missing": self.absent, "skipped": self.skipped}
        return {**counts, "mean_log_prob": mean, "below_reference": self.ranks.below, "remarks": list(self.remarks())}


def require_kept(table: Table, kept: Sequence[str], figures: Sequence[str]) -> None:
    """Refuses to keep columns that are not there, or are called as those that are written beside them.

    Raises:
        DataError: naming the column.
    """
    table.require(kept)
    for name in figures:
        if name in kept:
            raise DataError(f"{table.name}: has a column {name!r} already; --id names columns to keep")


def spread(columns: Sequence[np.ndarray], places: np.ndarray) -> list[np.ndarray]:
    """Columns of the rows that are True, masked in between."""
    if places.all():
        return list(columns)
    spread_out: list[np.ndarray] = []
    for column in columns:
        full = np.zeros(len(places), column.dtype)
        full[places] = column
        spread_out.append(np.ma.MaskedArray(full, ~places))
    return spread_out
