"""A first recipe for a table: what each column is, by its cells, and why."""

from __future__ import annotations

__all__ = ["ROWS", "Proposal", "propose"]

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from flowexport.errors import DataError
from flowexport.tables import Block, Faults, Table
from flowexport.tables.coded import MISSING

from .categories import CATEGORIES
from .diagnoses import TWIN

ROWS = 100_000
"""Rows that are looked at, from the first on."""

FEW = 20
"""Categories that a column may have to be proposed as one-hot rows; above them an embedding learns what is alike."""

DISTINCT = 0.5
"""A column of text whose values are new in so many rows tells rows apart, and no groups of them."""

MOST_MISSING = 0.5
"""A column that holds no value in so many rows would cost more rows than it is worth."""

REPEATS = 3
"""Rows to a value from which whole numbers are steps: a density of them would be a row of spikes."""

DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}")

KEY = re.compile(r"(^|[_ -])(id|uuid|guid|key|index|idx|nr|no)$|^(unnamed: ?\d+)?$", re.IGNORECASE)
"""Names of columns that number rows."""


@dataclass
class Column:
    """The cells of a column: numbers ``[rows]``, NaN where there is no value, or None for text; and texts."""

    name: str
    numbers: np.ndarray | None
    texts: list[str]

    @property
    def missing(self) -> float:
        """The share of rows without a value."""
        if self.numbers is not None:
            return float(np.isnan(self.numbers).mean())
        return sum(map(is_nothing, self.texts)) / max(len(self.texts), 1)


@dataclass
class Proposal:
    """What to write under ``[data]``; every reason stands beside its column.

    Arguments:
        columns, categorical, log, logit, discrete: as in a recipe; the value is the reason.
        left_out: columns that are in none.
        missing: rows without a value in a column that is used.
        rows: that were looked at.
    """

    rows: int
    columns: dict[str, str] = field(default_factory=dict)
    categorical: dict[str, tuple[int, str]] = field(default_factory=dict)
    log: dict[str, str] = field(default_factory=dict)
    logit: dict[str, str] = field(default_factory=dict)
    discrete: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    missing: int = 0


def propose(table: Table) -> Proposal:
    """What the columns of a table are.

    Raises:
        DataError: where there are too few rows, or no column that a density can be of.
    """
    columns = read(table)
    if not columns:
        raise DataError(f"{table.name}: has no columns")
    rows = len(columns[0].texts)
    if rows < 2:
        raise DataError(f"{table.name}: {rows} rows; a density needs at least 2")
    proposal = Proposal(rows)
    for column in columns:
        place(column, proposal)
    leave_twins(columns, proposal)
    if not proposal.columns:
        why = "; ".join(f"{name!r} {reason}" for name, reason in proposal.left_out.items())
        raise DataError(f"{table.name}: no column that a density can be of ({why or 'all are categories'})")
    used = [column for column in columns if column.name not in proposal.left_out]
    holes = np.zeros(rows, dtype=bool)
    for column in used:
        holes |= np.isnan(column.numbers) if column.numbers is not None else list(map(is_nothing, column.texts))
    proposal.missing = int(holes.sum())
    return proposal


def read(table: Table) -> list[Column]:
    """The first rows, by column."""
    blocks: list[Block] = []
    for block in table.blocks([], kept=table.columns):
        blocks.append(block)
        if sum(len(each.numbers) for each in blocks) >= ROWS:
            break
    return [column_of(name, blocks) for name in table.columns]


def column_of(name: str, blocks: Sequence[Block]) -> Column:
    """A column; of numbers where all of its cells are."""
    texts = [text for block in blocks for text in block.batch.cells.column_texts(name)]
    numbers = []
    for block in blocks:
        faults = Faults(block.name, block.numbers, skip=True)
        try:
            values, _ = block.batch.cells.numbers(name, faults)
        except DataError:  # of a type that is none of numbers
            return Column(name, None, texts)
        if faults.found:
            return Column(name, None, texts)
        numbers.append(values)
    return Column(name, np.concatenate(numbers) if numbers else np.empty(0), texts)


def place(column: Column, proposal: Proposal) -> None:
    """Puts a column where it belongs."""
    name = column.name
    if column.numbers is None:
        texts, numbers = [text.strip() for text in column.texts if not is_nothing(text)], np.empty(0)
    else:
        texts, numbers = [], column.numbers[~np.isnan(column.numbers)]
    distinct = len({*texts, *numbers.tolist()})
    if column.missing > MOST_MISSING:
        proposal.left_out[name] = f"holds no value in {column.missing:.0%} of the rows"
    elif distinct < 2:
        proposal.left_out[name] = "is the same in all rows"
    elif column.numbers is None:
        place_text(name, texts, distinct, proposal)
    elif not np.isfinite(numbers).all():
        proposal.left_out[name] = "has infinities"
    else:
        place_number(column, numbers, distinct, proposal)


def place_text(name: str, values: Sequence[str], distinct: int, proposal: Proposal) -> None:
    """A column of text: a category of the context, unless its values tell rows apart."""
    if all(map(DATE.match, values)):
        proposal.left_out[name] = "holds dates; a number of days, or a season, is a column that a flow can take"
    elif distinct > CATEGORIES or distinct > DISTINCT * len(values):
        proposal.left_out[name] = f"is text with {distinct:,} different values, which tell rows apart, not groups"
    else:
        proposal.categorical[name] = (distinct, f"text with {distinct} different values")


def is_nothing(text: str) -> bool:
    """Whether a cell of text holds no value, as training reads it."""
    return text.strip() in MISSING


def place_number(column: Column, values: np.ndarray, distinct: int, proposal: Proposal) -> None:
    """A column of numbers: a feature, and what keeps it to its support."""
    name = column.name
    whole = bool((values == np.round(values)).all())
    steps = np.unique(np.diff(values))
    if whole and distinct == len(values) and (KEY.search(name) or (len(steps) == 1 and len(values) > 2)):
        proposal.left_out[name] = "is another whole number in each row: it numbers them"
    elif KEY.search(name) and not name.strip():
        proposal.left_out[name] = "has no name, as the index of another table"
    elif distinct == 2:
        proposal.categorical[name] = (2, "two values: a flag, which has no density")
    else:
        proposal.columns[name] = "whole numbers" if whole else "numbers"
        single = values.astype(np.float32)
        if len(values) >= REPEATS * distinct:
            proposal.discrete[name] = f"{distinct} different values in {len(values):,} rows"
        elif (single > 0).all() and (single < 1).all():
            proposal.logit[name] = f"between 0 and 1: {values.min():g} to {values.max():g}"
        elif (single > 0).all() and abs(skewness(np.log(values))) < abs(skewness(values)):
            before, behind = skewness(values), skewness(np.log(values))
            skewed = f"skewness {before:.2g}, of its logarithm {behind:.2g}"
            proposal.log[name] = f"positive, {values.min():g} to {values.max():g}; {skewed}"


def skewness(values: np.ndarray) -> float:
    """The third standardised moment."""
    deviation = values.std()
    return float((((values - values.mean()) / deviation) ** 3).mean()) if deviation > 0 else 0.0


def leave_twins(columns: Sequence[Column], proposal: Proposal) -> None:
    """Leaves out features that are another but for units: a density has no width in that direction."""
    features = [column for column in columns if column.name in proposal.columns]
    for position, column in enumerate(features):
        for other in features[:position]:
            if other.name not in proposal.columns:
                continue
            assert column.numbers is not None
            assert other.numbers is not None
            both = ~(np.isnan(column.numbers) | np.isnan(other.numbers))
            a, b = column.numbers[both], other.numbers[both]
            if len(a) > 2 and a.std() > 0 and b.std() > 0 and 1 - abs(np.corrcoef(a, b)[0, 1]) < TWIN:
                for part in (proposal.columns, proposal.log, proposal.logit, proposal.discrete):
                    part.pop(column.name, None)
                proposal.left_out[column.name] = f"is the same as {other.name!r} but for units"
                break
