"""Rows as part of one JSON document, written as they come."""

from __future__ import annotations

__all__ = ["JsonWriter", "in_json", "writer_of"]

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flowexport.tables import TableWriter, open_writer

if TYPE_CHECKING:
    from flowexport.tables.columns import ColumnData


class JsonWriter(TableWriter):
    """``{"rows": [{"log_prob": …}, …], …}`` on standard output.

    Arguments:
        columns: the names of a row's members.

    Attributes:
        summary: the document's other members, set before the ``with`` block is left.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.summary: Mapping[str, object] = {}
        super().__init__(None, columns, np.dtype(np.float64))

    def begin(self) -> None:
        self.stream.write(b'{"rows": [')

    def append(self, block: Sequence[ColumnData]) -> None:
        records = zip(*map(values_of, block), strict=True)
        lines = [json.dumps(dict(zip(self.columns, record, strict=True))) for record in records]
        if lines:
            self.stream.write(((",\n" if self.rows else "\n") + ",\n".join(lines)).encode())

    def finish(self) -> None:
        self.stream.write(f"\n], {json.dumps(self.summary)[1:]}\n".encode())


def writer_of(output: Path | None, columns: Sequence[str], dtype: np.dtype, as_json: bool) -> TableWriter:
    """A table, or where no file is named and JSON is wanted, the rows of a document."""
    return JsonWriter(columns) if as_json and output is None else open_writer(output, columns, dtype)


def values_of(column: ColumnData) -> Sequence[object]:
    """The cells of a column as JSON has them, None where there is no value."""
    if isinstance(column, list):
        return column
    if not isinstance(column, np.ndarray):
        return [in_json(value) for value in column.to_pylist()]
    if column.dtype.kind != "f":
        whole: list[object] = column.tolist()
        return whole
    # By way of text: the digits that name a float32 are fewer than those of the same number in float64.
    texts = np.asarray(column).astype(str).tolist()
    absent = np.ma.getmaskarray(column)
    return [None if missing else in_json(float(text)) for text, missing in zip(texts, absent, strict=True)]


def in_json(value: object) -> bool | int | float | str | list[object] | None:
    """A value as all readers of JSON take it: infinities by their names."""
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    return value if isinstance(value, bool | int | float | str | list | None) else str(value)
