"""Scores of Arrow tables, for whatever speaks Arrow: DuckDB, Polars, Spark, Dask and others."""

from __future__ import annotations

__all__ = ["score"]

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from flowexport.errors import ArgumentError, DataError, InputError
from flowexport.runtime import Model, load
from flowexport.runtime.categories import coders_of
from flowexport.tables import BLOCK_ROWS, Coder, block_of, import_arrow, require_once
from flowexport.tables.columns import arrow_column

if TYPE_CHECKING:
    import pyarrow

    from flowexport.tables.arrow import Array, Chunked

NAME = "rows"
"""What a message calls a table that is no file."""


def score(
    rows: object,
    model: Model | str | os.PathLike[str],
    context: object = None,
    missing: Literal["refuse", "null"] = "refuse",
) -> Any:
    """Adds the columns ``log_prob``, nats, and ``percentile``, 0 to 100, to an Arrow table.

    Columns are matched by name, features and then context, in whatever order; a category is read by its name. All
    columns of the table are kept, and its rows stay in order. They are scored as `flowexport score` scores a Parquet
    file of them, to the same bits.

    Arguments:
        rows: a ``pyarrow.Table``; a ``RecordBatch``; a ``RecordBatchReader``, for more rows than memory holds; or
            whatever exports an Arrow stream (``__arrow_c_stream__``), as frames of polars and relations of DuckDB do.
        model: from `flowexport.load`, or what that takes, to be loaded anew in each call.
        context: one for all rows, as `Model.context` takes it, in place of columns of the table.
        missing: what becomes of a row without a value (null or NaN) in a column that the model needs: ``refuse``, or
            ``null`` in both columns.

    Returns:
        A ``RecordBatch`` for one, a ``RecordBatchReader`` that scores as it is read for one, else a ``pyarrow.Table``.
        ``log_prob`` is of the bundle's type, float32 unless it says otherwise; ``percentile`` is float64, and not
        there where the bundle has no reference rows.

    Raises:
        DataError: for a column that is not there, not of numbers, or named like one that is added, for an infinity, a
            number beyond the bundle's type, an unknown category and, where it is refused, a missing value: by row (the
            first is 1) and column. A reader raises it when it comes to the row.
        InputError: for what is no Arrow table, or a context that does not fit.
        MissingExtra: where pyarrow is not installed.
    """
    pyarrow, _ = import_arrow("compute")
    if missing not in ("refuse", "null"):
        raise ArgumentError(f"expected 'refuse' or 'null', got {missing!r}", key="missing")
    scorer = scorer_of(model if isinstance(model, Model) else load(model), context, missing == "null")
    if isinstance(rows, pyarrow.RecordBatchReader):
        schema = scorer.require(rows.schema)
        return pyarrow.RecordBatchReader.from_batches(schema, scorer.batches(rows, schema))
    if isinstance(rows, pyarrow.RecordBatch):
        schema = scorer.require(rows.schema)
        return next(scorer.batches(iter([rows]), schema))
    if not isinstance(rows, pyarrow.Table) and not hasattr(rows, "__arrow_c_stream__"):
        raise InputError("wrong_dtype", f"expected an Arrow table, got {type(rows).__name__}", key="rows")
    table = rows if isinstance(rows, pyarrow.Table) else pyarrow.table(rows)
    schema = scorer.require(table.schema)
    added = scorer.columns(table, 1)
    for field, column in zip(list(schema)[len(table.schema) :], added, strict=True):
        table = table.append_column(field, column)
    return table


@dataclass(frozen=True)
class Scorer:
    """What a model makes of tables.

    Arguments:
        model: that scores.
        names: the columns that it needs, features and then context.
        coders: of those that hold categories.
        fixed: one context ``[context]`` for all rows, in place of columns.
        as_null: whether rows without a value are scored null, not refused.
    """

    model: Model
    names: list[str]
    coders: Mapping[str, Coder]
    fixed: np.ndarray | None
    as_null: bool

    def require(self, schema: pyarrow.Schema) -> pyarrow.Schema:
        """The schema of a table with its scores, if the table can be scored."""
        pyarrow, _ = import_arrow("compute")
        require_once(NAME, schema.names)
        for name in self.names:
            if name not in schema.names:
                raise DataError(f"{NAME}: no column {name!r}; it has {', '.join(schema.names[:50]) or 'none'}")
        added = {"log_prob": pyarrow.from_numpy_dtype(self.model.dtype)}
        if self.model.manifest.reference is not None:
            added["percentile"] = pyarrow.float64()
        for name, kind in added.items():
            if name in schema.names:
                raise DataError(f"{NAME}: has a column {name!r} already; drop or rename it")
            schema = schema.append(pyarrow.field(name, kind))
        return schema

    def batches(self, batches: Iterable[pyarrow.RecordBatch], schema: pyarrow.Schema) -> Iterator[pyarrow.RecordBatch]:
        """Each batch with its scores."""
        pyarrow, _ = import_arrow("compute")
        start = 1
        for batch in batches:
            columns = [column.combine_chunks() for column in self.columns(pyarrow.table(batch), start)]
            yield pyarrow.RecordBatch.from_arrays([*batch.columns, *columns], schema=schema)
            start += batch.num_rows

    def columns(self, table: pyarrow.Table, start: int) -> list[Chunked]:
        """The scores of a table whose first row is number ``start``, as chunked arrays."""
        pyarrow, _ = import_arrow("compute")
        needed = table.select(self.names)
        # In blocks whose size does not depend on the table's own: the last bits of a score depend on it.
        parts = [
            self.block(needed.slice(offset, BLOCK_ROWS), start + offset)
            for offset in range(0, needed.num_rows or 1, BLOCK_ROWS)
        ]
        return [pyarrow.chunked_array(chunks) for chunks in zip(*parts, strict=True)]

    def block(self, table: pyarrow.Table, start: int) -> list[Array]:
        """The scores of a few rows, as Arrow arrays."""
        pyarrow, _ = import_arrow("compute")
        batch = pyarrow.RecordBatch.from_arrays([column.combine_chunks() for column in table.columns], self.names)
        block = block_of(batch, self.names, self.coders, start, NAME)
        if self.as_null:
            block = replace(block, missing=np.isnan(block.values))
        block.require_finite(missing=self.as_null)
        block.require_within(self.model.dtype)
        absent = np.asarray(block.missing.any(axis=1))
        values = block.values[~absent]
        width = len(self.model.features)
        given = self.fixed if self.fixed is not None else values[:, width:] if self.model.context_size else None
        log_prob = self.model.log_prob(values[:, :width].reshape(-1, *self.model.event_shape), given)
        scores = [log_prob] if self.model.manifest.reference is None else [log_prob, self.model.percentile(log_prob)]
        return [with_nulls(each, absent) for each in scores]


def scorer_of(model: Model, context: object, as_null: bool) -> Scorer:
    """What scores by a model, with one context for all rows or with that of each."""
    names, coders = list(model.features), {}
    fixed = None if context is None else model.context(context)
    if fixed is not None and fixed.ndim > 1:
        raise InputError("wrong_shape", "one for all rows; put more into columns of the table", key="context")
    if fixed is None:
        names += [feature.name for feature in model.context_features]
        coders = coders_of(model.context_features, names[len(model.features) :])
    return Scorer(model, names, coders, fixed, as_null)


def with_nulls(scores: np.ndarray, absent: np.ndarray) -> Array:
    """Scores of the rows that are not absent as an Arrow array of all rows."""
    if not absent.any():
        return arrow_column(scores)
    spread = np.zeros(len(absent), scores.dtype)
    spread[~absent] = scores
    return arrow_column(np.ma.MaskedArray(spread, absent))
