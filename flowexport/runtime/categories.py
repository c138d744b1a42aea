"""Contexts whose columns are numbers or categories: names become codes, and what is no code is refused."""

from __future__ import annotations

__all__ = ["cells_of", "coder_of", "coders_of", "columns_of", "context_array", "require_codes"]

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from flowexport.column import Column
from flowexport.errors import InputError
from flowexport.tables import Coder, Frame, as_numbers, coded_cells, frame_of, label_number, numbers_of

if TYPE_CHECKING:
    from flowexport.tables.columns import ColumnData

SHOWN = 50
"""Categories that a message lists."""

CHUNK_ROWS = 65_536
"""Rows whose codes are looked at together, so that the memory of it does not grow with them."""


def coder_of(feature: Column, codes: bool = False) -> Coder:
    """What turns a text into the code of a category by its label; labels that are numbers are compared as numbers.

    Arguments:
        feature: the column.
        codes: whether a text may also be a code, written as a whole number: of arrays, which hold no names, and
            only where no label is a number, so that none can be taken for the other.

    It raises ValueError for any other text.
    """
    categories = feature.categories or []
    by_label = {label: float(code) for code, label in reversed([*enumerate(categories)])}
    numbers = {label_number(label): code for label, code in by_label.items()}
    numbers.pop(None, None)
    by_code = {Decimal(code): float(code) for code in range(len(categories))} if codes and not numbers else {}
    shown = ", ".join(categories[:SHOWN]) + (", …" if len(categories) > SHOWN else "")
    refusal = f"not one of {shown}" + (f", nor a code from 0 to {len(categories) - 1}" if by_code else "")

    def code_of(text: str) -> float:
        number = label_number(text)
        for found in (by_label.get(text), numbers.get(number), by_code.get(number) if number is not None else None):
            if found is not None:
                return found
        raise ValueError(refusal)

    return code_of


def coders_of(columns: Sequence[Column], chosen: Iterable[str], codes: bool = False) -> dict[str, Coder]:
    """The coders of those columns that are of categories, by the names ``chosen`` that a table has for them all."""
    return {name: coder_of(column, codes) for name, column in zip(chosen, columns, strict=True) if column.codes}


def cells_of(feature: Column, codes: np.ndarray, named: bool) -> np.ndarray | list[str]:
    """Codes as a table has them, so that `coder_of` reads them back.

    Arguments:
        feature: the column.
        codes: ``[rows]``.
        named: whether the table has names, and takes labels; an array takes codes, or labels where they are numbers.

    Returns:
        A list of labels, or numbers ``[rows]``.

    Raises:
        InputError: where an array can hold neither.
    """
    labels = feature.categories or []
    if named:
        return [labels[int(code)] for code in codes]
    numbers = [label_number(label) for label in labels]
    if not any(number is not None for number in numbers):
        return codes
    if None in numbers:
        raise InputError("wrong_dtype", f"column {feature.name!r}: some labels are numbers, and an array takes no text")
    labelled: np.ndarray = np.array(numbers, np.float64)[codes.astype(int)]
    return labelled


def columns_of(features: Sequence[Column], contexts: np.ndarray, named: bool) -> list[ColumnData]:
    """Contexts ``[rows, context]`` as columns of a table, with `cells_of` where they are categories."""
    columns = zip(features, contexts.T, strict=True)
    return [cells_of(feature, column, named) if feature.categories else column for feature, column in columns]


def context_array(features: Sequence[Column], given: object) -> np.ndarray:
    """A context as numbers: one that is of numbers as it is, one with names as float64 with codes in their place.

    Arguments:
        features: the columns.
        given: ``[context]`` or ``[*, context]`` of texts and numbers; a mapping of every column's name to its value,
            or to its values; a list of mappings; or a frame, whose columns of categories hold names.

    Raises:
        InputError: for another number of columns, a name that is no category, or a text that is no number.
    """
    if isinstance(given, list | tuple) and given and all(isinstance(row, Mapping) for row in given):
        given = {feature.name: [value_of(features, row, feature.name) for row in given] for feature in features}
    if isinstance(given, Mapping):
        given = joined(features, given)
    elif (frame := frame_of(given)) is not None:
        return framed(features, frame)
    array = as_numbers("context", given, texts=True)
    if array.dtype.kind in "fiub":
        return array
    # Of the lists themselves: an array of texts has lost what was a number.
    cells = np.array(given, dtype=object)
    if cells.ndim == 0 or cells.shape[-1] != len(features):
        names = ", ".join(feature.name for feature in features)
        raise InputError(
            "wrong_shape", f"expected shape [*, {len(features)}] ({names}), got {[*cells.shape]}", key="context"
        )
    numbers = np.empty(cells.shape)
    for column, feature in enumerate(features):
        coder = coder_of(feature, codes=True)
        of_column = [number_of(feature, coder, cell) for cell in cells[..., column].ravel()]
        numbers[..., column] = np.reshape(of_column, cells.shape[:-1])
    return numbers


def joined(features: Sequence[Column], given: Mapping[str, object]) -> np.ndarray:
    """A mapping of columns as an array of objects, ``[*, context]``; single values are repeated, others passed over."""
    columns = [np.array(value_of(features, given, feature.name), dtype=object) for feature in features]
    try:
        return np.stack(np.broadcast_arrays(*columns), axis=-1)
    except ValueError as error:
        raise InputError("wrong_shape", f"columns of different lengths ({error})", key="context") from error


def value_of(features: Sequence[Column], given: Mapping[str, object], name: str) -> object:
    """What a mapping says of a column."""
    if name not in given:
        needs = ", ".join(feature.name for feature in features)
        raise InputError("missing_context", f"no value of {name!r}; this model needs {needs}", key="context")
    return given[name]


def framed(features: Sequence[Column], frame: Frame) -> np.ndarray:
    """The columns of a frame as numbers: in those of categories each cell is a name."""
    columns = []
    for feature in features:
        cells = frame.cells("context", feature.name)
        if feature.categories:
            columns.append(coded_cells("context", feature.name, cells, coder_of(feature)))
        else:
            columns.append(numbers_of("context", feature.name, cells))
    return frame.joined(columns)


def number_of(feature: Column, coder: Coder, cell: object) -> float:
    """A cell as the number that a graph takes."""
    if isinstance(cell, str):
        text = cell.strip()
        if feature.categories:
            try:
                return coder(text)
            except ValueError as error:
                message = f"column {feature.name!r} holds {cell!r}, {error}"
                raise InputError("unknown_category", message, key="context") from error
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if math.isfinite(number):
            return number
    elif isinstance(cell, Real):
        return float(cell)
    raise InputError("wrong_dtype", f"column {feature.name!r} holds {cell!r}, not a finite number", key="context")


def require_codes(features: Sequence[Column], context: np.ndarray) -> None:
    """Refuses the first number of a column of categories that is the code of none.

    Arguments:
        features: the columns.
        context: ``[*, context]`` numbers.

    Raises:
        InputError: with the code ``unknown_category``, naming row, column and number.
    """
    rows = context.reshape(-1, len(features))
    for column, feature in enumerate(features):
        if not feature.categories:
            continue
        last = len(feature.categories) - 1
        for start in range(0, len(rows), CHUNK_ROWS):
            codes = rows[start : start + CHUNK_ROWS, column]
            known = (codes >= 0) & (codes <= last) & (codes == np.floor(codes))
            if not known.all():
                row = int(np.argmin(known))
                where = f"context: row {start + row + 1}, column {feature.name!r} holds {codes[row]:g}"
                raise InputError("unknown_category", f"{where}, not a code from 0 to {last}")
