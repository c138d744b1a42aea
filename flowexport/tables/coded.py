"""Columns of categories: cells of text or whole numbers, which become codes."""

from __future__ import annotations

__all__ = ["MISSING", "Coder", "coded_arrow", "coded_numbers", "coded_texts", "label_number"]

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from flowexport.errors import DataError

from .arrow import import_arrow
from .faults import Faults

if TYPE_CHECKING:
    from .arrow import Array

MISSING = ["", "NA", "N/A", "null", "NULL", "None"]
"""Cells that hold no value. Of numbers ``nan`` is another; of categories it may be a name."""

Coder = Callable[[str], float]
"""Gives the code of a category by its text, or raises ValueError with what it is not: ``not one of fair, good``."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def label_number(text: str) -> Decimal | None:
    """The number that a label is, by which it is compared: 1, 1.0 and 01 are one label; None where it is none."""
    return Decimal(text) if NUMBER.fullmatch(text) else None


def coded_arrow(column: Array, name: str, coder: Coder, faults: Faults) -> np.ndarray:
    """An Arrow column as float64 codes; NaN where a value is missing, or where the coder refuses it: a fault."""
    if isinstance(column, import_arrow("types")[0].DictionaryArray):
        # As pandas writes categories: the dictionary may hold some that no row has, in an order of its own.
        kept = column.dictionary
        if str(kept.type) == "string_view":  # as polars has texts; pyarrow cannot take them by index, nor cast all
            kept = import_arrow("compute")[0].array(kept.to_pylist(), "string")
        column = kept.take(column.indices)
    if import_arrow("types")[1].is_nested(column.type):
        raise DataError(f"{faults.name}: column {name!r} is of type {column.type}, neither text nor whole numbers")
    encoded = column.dictionary_encode()
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return coded(encoded.dictionary.to_pylist(), indices, name, coder, faults)


def coded_numbers(values: np.ndarray, name: str, coder: Coder, faults: Faults) -> np.ndarray:
    """Numbers ``[rows]`` that stand for categories, as `coded_arrow` gives them."""
    distinct, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return coded(distinct[order].tolist(), np.argsort(order)[inverse], name, coder, faults)


def coded_texts(cells: Sequence[str], name: str, coder: Coder, faults: Faults) -> np.ndarray:
    """Cells of text, as `coded_arrow` gives them."""
    places = {cell: place for place, cell in enumerate(dict.fromkeys(cells))}
    return coded(list(places), np.array([places[cell] for cell in cells], np.intp), name, coder, faults)


def coded(distinct: Sequence[object], indices: np.ndarray, name: str, coder: Coder, faults: Faults) -> np.ndarray:
    """Codes of rows by the index of each among distinct cells, in their order of appearance; −1 is missing."""
    codes = np.full(len(distinct) + 1, np.nan)
    for position, cell in enumerate(distinct):
        if cell != cell:  # NaN, as pandas writes a missing text
            continue
        try:
            text = text_of(cell)
            codes[position] = np.nan if text in MISSING else coder(text)
        except ValueError as error:
            faults.add(np.flatnonzero(indices == position), f"column {name!r} holds {cell!r}, {error}")
    of_rows: np.ndarray = codes[indices]
    return of_rows


def text_of(cell: object) -> str:
    """The name of a category: text without spaces around it, or the digits of a whole number."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int) or (isinstance(cell, float) and cell.is_integer()):
        return str(int(cell))
    raise ValueError("neither text nor a whole number, as a category is")
