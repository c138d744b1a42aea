"""The rows that a flow is trained on, checked and split."""

from __future__ import annotations

__all__ = ["Rows", "make_rows", "read_rows"]

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from flowexport.column import Column, numbered
from flowexport.errors import DataError, InputError
from flowexport.tables import as_numbers, open_table

from .categories import Vocabulary
from .discrete import stepped
from .recipe import DataSpec
from .support import require_support

TEXT = "; is it text? List it in `context` and under [data.categorical], or leave it out of `columns`"
"""What to do with a column that holds something else than numbers."""


@dataclass(frozen=True)
class Rows:
    """Checked rows.

    Arguments:
        x: ``[rows, features]`` float64.
        context: ``[rows, context]`` float64 or None; codes in columns of categories.
        weights: ``[rows]`` float64 or None, not negative.
        feature_columns, context_columns: what they are of.
        dropped: rows left out for missing values.
    """

    x: np.ndarray
    context: np.ndarray | None
    weights: np.ndarray | None
    feature_columns: list[Column]
    context_columns: list[Column]
    dropped: int = 0

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: np.ndarray) -> Rows:
        """The rows of an index, in its order."""
        context = None if self.context is None else self.context[index]
        weights = None if self.weights is None else self.weights[index]
        return replace(self, x=self.x[index], context=context, weights=weights)

    def joined(self, other: Rows) -> Rows:
        """These rows, and those of another part of the same table behind them."""

        def both(mine: np.ndarray | None, its: np.ndarray | None) -> np.ndarray | None:
            return None if mine is None or its is None else np.concatenate([mine, its])

        return replace(
            self,
            x=np.concatenate([self.x, other.x]),
            context=both(self.context, other.context),
            weights=both(self.weights, other.weights),
        )

    def split(self, fraction: float, seed: int) -> tuple[Rows, Rows]:
        """Training and held-out rows; at least one is held out where the fraction is not 0."""
        order = np.random.default_rng(seed).permutation(len(self))
        held_out = min(max(1, round(fraction * len(self))), len(self) - 1) if fraction else 0
        training, kept = order[held_out:], order[:held_out]
        for place, column in enumerate(self.context_columns):
            if not column.codes:
                continue
            codes = self.context_of(place)
            # A category that only held-out rows have would be offered, and never trained.
            seen = np.isin(codes[kept], codes[training])
            training, kept = np.concatenate([training, kept[~seen]]), kept[seen]
        return self.take(np.sort(training)), self.take(np.sort(kept))

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """The weighted mean and standard deviation of every feature, then of every context feature.

        A context column that never varies has a deviation of 1: it tells the flow nothing, and does no harm.

        Raises:
            DataError: where a feature is constant, by name.
        """
        columns = self.x if self.context is None else np.hstack([self.x, self.context])
        mean = np.average(columns, axis=0, weights=self.weights)
        scale = np.sqrt(np.average((columns - mean) ** 2, axis=0, weights=self.weights))
        # Where all rows are equal the mean may still be off by rounding: compare the rows themselves.
        seen = columns if self.weights is None else columns[self.weights > 0]
        constant = (np.ptp(seen, axis=0) == 0) | ~(scale > 0)
        for place, column in enumerate(self.feature_columns):
            if constant[place]:
                only = f"({seen[0, place]:g})"
                raise DataError(f"column {column.name!r} is constant {only}: it has no density; leave it out")
        mean[constant], scale[constant] = seen[0, constant], 1.0
        return mean, scale

    def context_of(self, position: int) -> np.ndarray:
        """A column of the context, ``[rows]``."""
        assert self.context is not None
        column: np.ndarray = self.context[:, position]
        return column


def make_rows(
    x: object,
    context: object = None,
    weights: object = None,
    feature_columns: Sequence[Column] = (),
    context_columns: Sequence[Column] = (),
    discrete: Sequence[str] = (),
) -> Rows:
    """Rows from arrays in memory.

    Arguments:
        x, context, weights: as those of `Rows`.
        feature_columns, context_columns: x0, c0 and so on where there are not as many as the arrays have.
        discrete: names of features of steps.

    Raises:
        DataError: for a wrong shape, or a NaN or infinity, by row (the first is 1) and column.
    """
    x = matrix("x", x)
    columns = fitting(feature_columns, "x", x.shape[1])
    require_finite("x", x, columns)
    contexts: list[Column] = []
    if context is not None:
        context = matrix("context", context)
        contexts = fitting(context_columns, "c", context.shape[1])
        if len(context) != len(x):
            raise DataError(f"{len(context)} rows for {len(x)} rows of x", key="context")
        require_finite("context", context, contexts)
    if weights is not None:
        weights = numbers("weights", weights)
        if weights.shape != (len(x),):
            raise DataError(f"expected shape ({len(x)},), got {weights.shape}", key="weights")
        require_finite("weights", weights[:, None], [Column("weight")])
        require_weights("weights", weights)
        if not weights.any():
            raise DataError("all weights are zero", key="weights")
    if len(x) < 2:
        raise DataError(f"{len(x)} rows; a density needs at least 2", key="x")
    return Rows(x, context, weights, stepped(columns, discrete, x), contexts)


def fitting(columns: Sequence[Column], letter: str, count: int) -> list[Column]:
    """Columns, or numbered ones if they are not so many."""
    return list(columns) if len(columns) == count else numbered(letter, count)


def read_rows(spec: DataSpec, folder: Path) -> Rows:
    """Rows of a recipe's table.

    Arguments:
        spec: the recipe's ``[data]``.
        folder: what its files are relative to.

    Raises:
        DataError: naming the file, the row and the column.
    """
    table = open_table([folder / file for file in spec.files], spec.dialect)
    special = [*spec.context, *([spec.weight] if spec.weight else [])]
    features = spec.columns or [name for name in table.columns if name not in special]
    table.require([*spec.log, *spec.logit, *spec.as_they_are])
    columns = [*features, *special]
    for name in columns:
        if columns.count(name) > 1:
            raise DataError(f"{table.name}: column {name!r} is asked for twice (columns, context, weight)")
    blocks, dropped = [], 0
    vocabularies = {name: Vocabulary() for name in spec.categorical}
    feature_columns = [spec.column(name) for name in features]
    for block in table.blocks(columns, vocabularies, hint=TEXT):
        block.require_finite(missing=spec.missing == "drop", cure='missing = "drop" in [data] leaves such rows out')
        start = int(block.numbers[0]) if len(block.numbers) else 1
        require_support(block.name, block.values[:, : len(features)], feature_columns, start)
        if spec.weight:
            require_weights(f"{block.name}: column {spec.weight!r}", block.values[:, -1], start)
        whole = ~np.isnan(block.values).any(axis=1)
        blocks.append(block.values[whole])
        dropped += int((~whole).sum())
    values = np.concatenate(blocks) if blocks else np.empty((0, len(columns)))
    if len(values) < 2:
        raise DataError(f"{table.name}: {len(values)} usable rows; a density needs at least 2")
    width, context_width = len(features), len(spec.context)
    weights = values[:, -1] if spec.weight else None
    if weights is not None and not weights.any():
        raise DataError(f"{table.name}: column {spec.weight!r}: all weights are zero")
    contexts = []
    for place, column in enumerate(map(spec.column, spec.context), width):
        if column.name in vocabularies:
            categories, codes = vocabularies[column.name].sorted(values[:, place])
            seen = codes if weights is None else codes[weights > 0]
            if np.ptp(seen) == 0:
                only = categories[int(seen[0])]
                raise DataError(
                    f"column {column.name!r} is constant ({only}): one category tells a flow nothing; leave it out"
                )
            values[:, place] = codes
            column = msgspec.structs.replace(column, categories=categories)
        contexts.append(column)
    context = values[:, width : width + context_width] if context_width else None
    x = values[:, :width]
    return Rows(x, context, weights, stepped(feature_columns, spec.discrete, x), contexts, dropped)


def numbers(name: str, given: object) -> np.ndarray:
    """Numbers as float64, of any shape."""
    try:
        return as_numbers(name, given).astype(np.float64, copy=False)
    except InputError as error:
        raise error.told(DataError) from error


def matrix(name: str, array: object) -> np.ndarray:
    """The array as ``[rows, columns]`` float64."""
    array = numbers(name, array)
    if array.ndim != 2 or array.shape[1] == 0:
        raise DataError(f"expected [rows, columns], got shape {array.shape}", key=name)
    return array


def require_finite(name: str, array: np.ndarray, columns: Sequence[Column]) -> None:
    """Refuses the first NaN or infinity by row and column."""
    bad = ~np.isfinite(array)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise DataError(f"row {row + 1}, column {columns[column].name!r} holds {array[row, column]}", key=name)


def require_weights(name: str, weights: np.ndarray, start: int = 1) -> None:
    """Refuses negative weights by row, the first being number ``start``."""
    if (weights < 0).any():
        row = int(np.argmax(weights < 0))
        raise DataError(f"row {start + row} has the negative weight {weights[row]:g}", key=name)
