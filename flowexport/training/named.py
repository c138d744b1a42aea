"""Tables with names in training: their columns by name, what is learnt of them, and categories as codes."""

from __future__ import annotations

__all__ = ["context_by_name", "features_by_name"]

import msgspec
import numpy as np

from flowexport.column import Column
from flowexport.errors import DataError, InputError
from flowexport.flows import Flow
from flowexport.runtime.categories import coder_of
from flowexport.tables import Frame, coded_cells, frame_of, numbers_of

from .categories import Vocabulary

INDEX_COLUMNS = ("", "Unnamed: 0", "__index_level_0__", "level_0")
"""What an index of pandas without a name is called once it has been written to a file and read again."""


def features_by_name(flow: Flow, x: object) -> object:
    """The features of a table with names as ``[rows, features]``, in the flow's order; anything else as it is.

    A flow that has no names yet takes the table's, and their order.

    Raises:
        DataError: for another number of columns, one that is missing, an index in a column, or a missing value.
    """
    try:
        frame = frame_of(x)
        if frame is None:
            return x
        wanted = flow.feature_names or learnable("x", frame, flow.features, "features")
        array = frame.numbers("x", wanted)
    except InputError as error:
        raise error.told(DataError) from error
    flow.feature_names = wanted
    return array


def context_by_name(flow: Flow, context: object) -> object:
    """The same of a context, whose labels in columns of categories become codes, sorted as a recipe's are."""
    try:
        frame = frame_of(context)
        if frame is None or not flow.context:
            return context
        known = flow.named_context or map(Column, learnable("context", frame, flow.context, "context features"))
        columns, arrays = [], []
        for column, count in zip(known, flow.categories, strict=True):
            cells = frame.cells("context", column.name)
            if count:
                column, cells = coded(column, count, cells)
            columns.append(column)
            arrays.append(numbers_of("context", column.name, cells))
        array = frame.joined(arrays)
    except InputError as error:
        raise error.told(DataError) from error
    flow.named_context = columns
    return array


def learnable(what: str, frame: Frame, count: int, kind: str) -> list[str]:
    """All columns of a table, of which there are as many as the flow has."""
    for name in frame.columns:
        if name in INDEX_COLUMNS:
            raise DataError(f"{what}: the column {name!r} is the index of another table, and no feature; leave it out")
    if len(frame.columns) != count:
        names = ", ".join(map(repr, frame.columns))
        raise DataError(f"{what}: the flow has {count} {kind}, the table {len(frame.columns)} columns ({names})")
    return frame.columns


def coded(column: Column, count: int, cells: np.ndarray) -> tuple[Column, np.ndarray]:
    """A column with its categories, and the code of each cell."""
    name = column.name
    if column.categories:
        return column, coded_cells("context", name, cells, coder_of(column))
    vocabulary = Vocabulary()
    categories, places = vocabulary.sorted(coded_cells("context", name, cells, vocabulary))
    numbered = [str(code) for code in range(count)]
    if set(categories) <= set(numbered):
        # Codes, of which these rows need not have all.
        places, categories = np.array([float(categories[int(place)]) for place in places]), numbered
    if len(categories) != count:
        found = ", ".join(categories)
        raise DataError(
            f"column {name!r} has {len(categories)} categories ({found}), the flow has {count}", key="context"
        )
    return msgspec.structs.replace(column, categories=categories), places
