"""Columns to be written, as text, as Arrow arrays or as numbers."""

from __future__ import annotations

__all__ = ["arrow_column", "lines_of", "number_column"]

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from flowexport.errors import DataError

from .arrow import has_arrow, import_arrow

if TYPE_CHECKING:
    from .arrow import Array

    ColumnData = np.ndarray | list[str] | Array
    """``[rows]``: numbers of numpy, masked where there is no value; texts in a list; or an Arrow array."""

QUOTED = re.compile(r'[",;\t\r\n]')


def number_column(column: ColumnData, name: str) -> np.ndarray:
    """A column as numbers, NaN where it holds no value.

    Raises:
        DataError: for texts.
    """
    if isinstance(column, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(column), np.nan, column.data.astype(np.float64))
    array = np.asarray(column if isinstance(column, list | np.ndarray) else column.to_numpy(zero_copy_only=False))
    if array.dtype.kind not in "fiub":
        raise DataError(f"column {name!r} holds text, and an NPY file numbers alone; write .csv or .parquet")
    return array


def arrow_column(column: ColumnData) -> Array:
    """A column as an Arrow array."""
    pyarrow, _ = import_arrow("compute")
    made: Array
    if isinstance(column, np.ma.MaskedArray):
        made = pyarrow.array(np.ascontiguousarray(column.data), mask=np.ma.getmaskarray(column))
    elif isinstance(column, np.ndarray):
        made = pyarrow.array(np.ascontiguousarray(column))
    else:
        made = pyarrow.array(column, pyarrow.string()) if isinstance(column, list) else column
    return made


def lines_of(block: Sequence[ColumnData], delimiter: str, nothing: str) -> bytes:
    """Rows as lines of text.

    Arguments:
        block: the columns.
        delimiter: between cells.
        nothing: what stands where there is no value.
    """
    if not has_arrow():
        texts = [texts_of(column, nothing) for column in block]
        return "".join(f"{delimiter.join(row)}\n" for row in zip(*texts, strict=True)).encode()
    pyarrow, compute = import_arrow("compute")
    columns = list(map(arrow_column, block))
    if not nothing and all(isinstance(column, np.ndarray) for column in block):
        _, csv = import_arrow("csv")
        stream = io.BytesIO()
        table = pyarrow.table({str(place): column for place, column in enumerate(columns)})
        csv.write_csv(table, stream, csv.WriteOptions(include_header=False, delimiter=delimiter))
        return stream.getvalue()
    cells = [arrow_texts(column, nothing) for column in columns]
    rows = compute.binary_join_element_wise(*cells, delimiter) if len(cells) > 1 else cells[0]
    joined = "\n".join([*rows.to_pylist(), ""])
    return joined.encode()


def arrow_texts(column: Array, nothing: str) -> Array:
    """The cells of an Arrow array as text, in quotes where they need them."""
    pyarrow, compute = import_arrow("compute")
    if isinstance(column, pyarrow.DictionaryArray):
        column = column.dictionary_decode()
    is_text = pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type)
    texts = column.cast(pyarrow.string())
    if is_text:
        doubled = compute.replace_substring(texts, '"', '""')
        quoted = compute.binary_join_element_wise('"', doubled, '"', "")
        texts = compute.if_else(compute.match_substring_regex(texts, QUOTED.pattern), quoted, texts)
    filled: Array = compute.fill_null(texts, nothing)
    return filled


def texts_of(column: ColumnData, nothing: str) -> list[str]:
    """The cells of a column as text, in quotes where they need them."""
    if isinstance(column, list):
        return [f'"{cell.replace(chr(34), chr(34) * 2)}"' if QUOTED.search(cell) else cell for cell in column]
    texts: list[str] = np.asarray(column).astype(str).tolist()
    if isinstance(column, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(column)
        texts = [nothing if absent else text for text, absent in zip(texts, mask, strict=True)]
    return texts
