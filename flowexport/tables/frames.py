"""Tables in memory whose columns have names: taken by name, in whatever order, of whichever library.

Frames of pandas, polars, pyarrow and others come by way of narwhals, which imports none of them. So do a mapping of
names to columns, a list of mappings, a structured array, and a row of pandas.
"""

from __future__ import annotations

__all__ = ["Frame", "coded_cells", "frame_like", "frame_of", "numbers_of"]

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from flowexport.errors import InputError

from .arrays import as_numbers
from .coded import Coder, text_of

if TYPE_CHECKING:
    import narwhals
    from narwhals.typing import IntoDataFrame

T = TypeVar("T")

SHOWN = 50
"""Names that a message lists."""

NO_VALUE = ("NAType", "NaTType", "MaskedConstant")
"""Types of cells of pandas and numpy that stand for a missing value; None and NaN are others."""


@dataclass(frozen=True)
class Frame:
    """Columns by name.

    Arguments:
        columns: their names, in the table's order.
        single: whether it is one row, and not a table of rows.
        column: gives the cells of a column, ``[rows]``: numbers, or objects where it is of anything else.
    """

    columns: list[str]
    single: bool
    column: Callable[[str], np.ndarray]

    def numbers(self, name: str, wanted: Sequence[str]) -> np.ndarray:
        """Columns of numbers in the order asked for; others are passed over.

        Arguments:
            name: what a message begins with.
            wanted: the columns' names.

        Returns:
            ``[rows, wanted]`` float64, or ``[wanted]`` of a single row.

        Raises:
            InputError: for a column that is not there or not of numbers, and for a missing value or NaN, by row (the
                first is 1) and column.
        """
        return self.joined([numbers_of(name, each, self.cells(name, each)) for each in wanted])

    def joined(self, columns: Sequence[np.ndarray]) -> np.ndarray:
        """Columns side by side; in a single row, numbers one behind the other."""
        array = np.stack(columns, axis=-1)
        return array[0] if self.single else array

    def cells(self, name: str, wanted: str) -> np.ndarray:
        """The cells of a column.

        Raises:
            InputError: where there is none of that name.
        """
        if wanted not in self.columns:
            has = ", ".join(map(repr, self.columns[:SHOWN])) or "none"
            raise InputError("wrong_shape", f"no column {wanted!r}; it has {has}", key=name)
        return self.column(wanted)


def numbers_of(name: str, column: str, cells: np.ndarray) -> np.ndarray:
    """A column of cells as float64.

    Raises:
        InputError: for the first cell that is missing or no number.
    """
    if cells.dtype.kind in "fiub":
        numbers = cells.astype(np.float64)
    elif cells.dtype.kind == "O":
        numbers = np.array([number_of(name, column, row, cell) for row, cell in enumerate(cells, 1)], np.float64)
    else:
        raise InputError("wrong_dtype", f"column {column!r} is of type {cells.dtype}, not numbers", key=name)
    missing = np.isnan(numbers)
    if missing.any():
        refuse_missing(name, column, int(np.argmax(missing)) + 1)
    return numbers


def coded_cells(name: str, column: str, cells: np.ndarray, coder: Coder) -> np.ndarray:
    """A column of categories as float64 codes.

    Raises:
        InputError: for the first cell that is missing, or that the coder refuses.
    """
    codes: dict[object, float] = {}
    for row, cell in enumerate(cells.tolist(), 1):
        if is_missing(cell):
            refuse_missing(name, column, row)
        try:
            if cell not in codes:
                codes[cell] = coder(text_of(cell))
        except ValueError as error:
            fault = f"row {row}, column {column!r} holds {cell!r}, {error}"
            raise InputError("unknown_category", fault, key=name) from error
    return np.array([codes[cell] for cell in cells.tolist()], np.float64)


def number_of(name: str, column: str, row: int, cell: object) -> float:
    if is_missing(cell):
        refuse_missing(name, column, row)
    if isinstance(cell, Real | Decimal):
        return float(cell)
    raise InputError("wrong_dtype", f"row {row}, column {column!r} holds {cell!r}, not a number", key=name)


def is_missing(cell: object) -> bool:
    """Whether a cell holds no value."""
    return cell is None or type(cell).__name__ in NO_VALUE or (isinstance(cell, float) and cell != cell)


def refuse_missing(name: str, column: str, row: int) -> None:
    raise InputError("missing_value", f"row {row}, column {column!r} holds no value; leave such rows out", key=name)


def frame_of(given: object) -> Frame | None:
    """A table with names as one, or None for anything that goes by position.

    Raises:
        InputError: for names that are not all texts, or twice the same, and for a table that is not yet computed.
    """
    if isinstance(given, np.ndarray | np.void):
        return of_structured(given) if given.dtype.names else None
    if isinstance(given, Mapping):
        return of_mapping(given)
    if isinstance(given, list | tuple):
        rows = given and all(isinstance(row, Mapping) for row in given)
        return of_rows(given) if rows else None
    if np.isscalar(given) or given is None:
        return None
    return of_library(given)


def of_structured(given: np.ndarray | np.void) -> Frame:
    """A structured array of numpy."""
    assert given.dtype.names is not None
    return Frame(list(given.dtype.names), given.ndim == 0, lambda name: np.atleast_1d(given[name]))


def of_mapping(given: Mapping[object, object]) -> Frame:
    """Columns by name; single values are repeated, and nothing but single values is a row."""
    columns = {name: column_of(values) for name, values in given.items()}
    lengths = {values.size for values in columns.values() if values.ndim} or {1}
    if len(lengths) > 1 or any(values.ndim > 1 for values in columns.values()):
        shapes = ", ".join(f"{name!r} {list(values.shape)}" for name, values in columns.items())
        raise InputError("wrong_shape", f"columns of different lengths: {shapes}")
    single = all(values.ndim == 0 for values in columns.values())
    rows = lengths.pop()
    return Frame(require_names(list(columns)), single, lambda name: np.broadcast_to(columns[name], (rows,)))


def column_of(values: object) -> np.ndarray:
    """The values of a column, or one for all rows."""
    if np.isscalar(values) or is_missing(values):
        return np.array(values, None if isinstance(values, Real) else object)
    array = np.asarray(as_numbers("columns", values, texts=True))
    return array if array.dtype.kind in "fiub" else array.astype(object)


def of_rows(rows: Sequence[Mapping[str, object]]) -> Frame:
    """A list of mappings, each of which has every column that is asked for."""

    def column(name: str) -> np.ndarray:
        cells = np.empty(len(rows), object)
        for row, of in enumerate(rows):
            cells[row] = of.get(name)
        return cells

    return Frame(require_names(list(rows[0])), False, column)


def of_library(given: object) -> Frame | None:
    """A frame, or a row of pandas, of any library that narwhals knows."""
    if type(given).__module__.partition(".")[0] in ("torch", "cupy", "jax", "tensorflow"):
        return None
    import narwhals

    if type(given).__module__.startswith("pyarrow") and hasattr(given, "schema") and hasattr(given, "num_rows"):
        given = sys.modules["pyarrow"].table(given) if type(given).__name__ == "RecordBatch" else given
    try:
        found = narwhals.from_native(given, allow_series=True, pass_through=True)
    except narwhals.exceptions.DuplicateError as error:
        raise InputError("wrong_shape", " ".join(str(error).split())) from error
    if isinstance(found, narwhals.LazyFrame):
        raise InputError("wrong_dtype", f"{type(given).__name__}: is not computed yet; collect() it first")
    if isinstance(found, narwhals.Series):
        labels = list(getattr(given, "index", ()))
        if not (hasattr(given, "items") and labels and all(isinstance(label, str) for label in labels)):
            return None
        require_names(labels)
        return of_mapping(dict(given.items()))
    if not isinstance(found, narwhals.DataFrame):
        return None
    names: list[object] = list(found.columns)
    if names == list(range(len(names))):
        return None  # as pandas numbers the columns of an array: no names
    return Frame(require_names(names), False, partial(cells_of, found))


def cells_of(frame: narwhals.DataFrame[IntoDataFrame], name: str) -> np.ndarray:
    """A column of a narwhals frame; missing values of numbers become NaN."""
    import narwhals

    series = frame[name]
    if series.dtype.is_numeric() or series.dtype == narwhals.Boolean:
        return np.asarray(series.cast(narwhals.Float64).to_numpy())
    array = np.asarray(series.to_numpy())
    return array.astype(object) if array.dtype.kind in "UST" else array


def require_names(names: Sequence[object]) -> list[str]:
    """Refuses names that are not all texts, not empty, and different."""
    texts = []
    for name in names:
        if not isinstance(name, str):
            raise InputError("wrong_shape", f"a column is called {name!r}, which is no text: name all columns, or none")
        if name in texts:
            raise InputError("wrong_shape", f"two columns are called {name!r}")
        texts.append(name)
    return texts


def frame_like(given: T, columns: Mapping[str, np.ndarray]) -> T:
    """Columns as a frame of the library that a frame is of, with its index.

    Raises:
        InputError: where it is none.
    """
    import narwhals

    found = narwhals.from_native(given, eager_only=True, pass_through=True)
    if not isinstance(found, narwhals.DataFrame):
        raise InputError("wrong_dtype", f"expected a frame, got {type(given).__name__}")
    made = narwhals.from_dict(dict(columns), backend=found.implementation).to_native()
    index = narwhals.maybe_get_index(found)
    if index is not None:
        made.index = index
    same_library: T = made
    return same_library
