"""Columns of categories: cells of text or whole numbers, which become codes."""

from __future__ import annotations

__all__ = ["MISSING", "Coder", "coded_arrow", "coded_numbers", "label_number"]

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from flowexport.errors import DataError

from .arrow import import_arrow

MISSING = ["", "NA", "N/A", "null", "NULL", "None"]
"""Cells that hold no value. "nan" is not one: it is a number that no density has a use for."""

Coder = Callable[[str], float]
"""Gives the code of a category by its text, or raises ValueError with what it is not: ``not one of fair, good``."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def label_number(text: str) -> Decimal | None:
    """The number that a label is, by which it is compared: 1, 1.0 and 01 are one label; None where it is none."""
    return Decimal(text) if NUMBER.fullmatch(text) else None


def coded_arrow(column: Any, name: str, path: Path, start: int, coder: Coder) -> np.ndarray:
    """An Arrow column, whose first row is number ``start``, as float64 codes; NaN where a value is missing.

    Raises:
        DataError: for the first cell that the coder refuses, naming file, row, column and cell.
    """
    if hasattr(column, "dictionary_decode"):
        # As pandas writes categories: the dictionary may hold some that no row has, in an order of its own.
        kept = column.dictionary
        if str(kept.type) == "string_view":  # as polars has texts; pyarrow cannot take them by index, nor cast all
            kept = import_arrow("compute")[0].array(kept.to_pylist(), "string")
        column = kept.take(column.indices)
    encoded = column.dictionary_encode()
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return _coded(encoded.dictionary.to_pylist(), indices, name, path, start, coder)


def coded_numbers(values: np.ndarray, name: str, path: Path, start: int, coder: Coder) -> np.ndarray:
    """Numbers ``[rows]`` that stand for categories, as `coded_arrow` gives them."""
    distinct, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return _coded(distinct[order].tolist(), np.argsort(order)[inverse], name, path, start, coder)


def _coded(distinct: Sequence[Any], indices: np.ndarray, name: str, path: Path, start: int, coder: Coder) -> np.ndarray:
    """Codes of rows by the index of each among distinct cells, in their order of appearance; −1 is missing."""
    codes = np.full(len(distinct) + 1, np.nan)
    for position, cell in enumerate(distinct):
        try:
            text = text_of(cell)
            codes[position] = np.nan if text in MISSING else coder(text)
        except ValueError as error:
            row = start + int(np.argmax(indices == position))
            raise DataError(f"{path}: row {row}, column {name!r} holds {cell!r}, {error}") from error
    of_rows: np.ndarray = codes[indices]
    return of_rows


def text_of(cell: Any) -> str:
    """The name of a category: text without spaces around it, or the digits of a whole number."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int) or (isinstance(cell, float) and cell.is_integer()):
        return str(int(cell))
    raise ValueError("neither text nor a whole number, as a category is")
