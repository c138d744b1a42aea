"""Tables whose columns have types of their own: NPY, Parquet, Feather and Arrow."""

from __future__ import annotations

__all__ = ["open_arrow", "open_npy", "open_parquet"]

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from flowexport.errors import DataError

from .arrow import import_arrow
from .arrow_cells import ArrowCells
from .coded import Coder, coded_numbers
from .faults import Faults
from .part import BLOCK_ROWS, Batch, Numbering, Part, require_once
from .source import Source


class ArrayCells:
    """The cells of rows of an array.

    Arguments:
        values: ``[rows, columns]``.
        names: of the columns.
    """

    def __init__(self, values: np.ndarray, names: Sequence[str]) -> None:
        self.columns: dict[str, np.ndarray] = dict(zip(names, values.T, strict=True))
        self.rows = len(values)

    def __len__(self) -> int:
        return self.rows

    def numbers(self, name: str, faults: Faults) -> tuple[np.ndarray, None]:
        """A column as float64; all of its cells hold a value."""
        return self.columns[name].astype(np.float64), None

    def codes(self, name: str, coder: Coder, faults: Faults) -> np.ndarray:
        """A column of categories as codes."""
        return coded_numbers(self.numbers(name, faults)[0], name, coder, faults)

    def kept(self, name: str) -> np.ndarray:
        """A column as it stands."""
        return self.columns[name]

    def texts(self, names: Sequence[str], place: int) -> list[str]:
        """The cells of a row as text."""
        return [str(self.columns[name][place]) for name in names]


def open_npy(source: Source) -> Part:
    """An array: rows, and columns without names."""
    path = source.file()
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{source.name}: not a readable NPY file ({first_line(error)})") from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"{source.name}: an NPZ archive, not an NPY file; save its one array with numpy.save")
    if array.ndim < 2 or array.dtype.kind not in "fiub":
        found = f"{array.dtype} of shape {array.shape}"
        raise DataError(f"{source.name}: expected numbers on two axes or more, got {found}")
    # Images are rows of pixels, flat in C order.
    width = math.prod(array.shape[1:])
    names = [f"x{i}" for i in range(width)]

    def batches(columns: list[str], skip: bool) -> Iterator[Batch]:
        places = {name: place for place, name in enumerate(names)}
        positions = [places[name] for name in columns]
        numbering = Numbering()
        for start in range(0, len(array), BLOCK_ROWS):
            # Mapped anew for each block: pages of a mapping that stays would count as resident memory.
            rows = np.load(source.file(), mmap_mode="r", allow_pickle=False)[start : start + BLOCK_ROWS]
            yield numbering.batch(ArrayCells(rows.reshape(len(rows), width)[:, positions], columns))

    return Part(source.name, names, False, len(array), batches)


def open_parquet(source: Source) -> Part:
    """A Parquet file."""
    pyarrow, parquet = import_arrow("parquet")
    failing = (pyarrow.ArrowException, OSError)

    def opened() -> Any:
        with naming(source.name, "not a readable Parquet file", failing):
            # Buffered, not whole column chunks: a file of one huge row group must not be read into memory.
            return parquet.ParquetFile(source.file(), buffer_size=1 << 20, pre_buffer=False)

    with opened() as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    require_once(source.name, list(schema.names))

    def batches(columns: list[str], skip: bool) -> Iterator[Batch]:
        numbering = Numbering()
        with opened() as file, naming(source.name, "broken Parquet file", failing):
            for batch in file.iter_batches(BLOCK_ROWS, columns=columns, use_threads=False):
                yield numbering.batch(ArrowCells(batch, None))

    return Part(source.name, list(schema.names), True, rows, batches)


def open_arrow(source: Source) -> Part:
    """An Arrow file, such as Feather's second version, or a stream of Arrow batches."""
    pyarrow, ipc = import_arrow("ipc")
    failing = (pyarrow.ArrowException, OSError)
    stream = not source.head.startswith((b"ARROW1", b"FEA1"))

    @contextmanager
    def opened() -> Iterator[Any]:
        with naming(source.name, "not a readable Arrow file", failing), pyarrow.memory_map(str(source.file())) as file:
            yield (ipc.open_stream if stream else ipc.open_file)(file)

    with opened() as reader:
        names = list(reader.schema.names)
    require_once(source.name, names)

    def batches(columns: list[str], skip: bool) -> Iterator[Batch]:
        numbering = Numbering()
        with opened() as reader:
            for batch in reader if stream else map(reader.get_batch, range(reader.num_record_batches)):
                chosen = batch.select(columns)
                for offset in range(0, chosen.num_rows, BLOCK_ROWS):
                    yield numbering.batch(ArrowCells(chosen.slice(offset, BLOCK_ROWS), None))

    return Part(source.name, names, True, None, batches)


@contextmanager
def naming(name: str, what: str, failing: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turns errors of a library into one that names the file.

    Raises:
        DataError: for one of them.
    """
    try:
        yield
    except failing as error:
        raise DataError(f"{name}: {what} ({first_line(error)})") from error


def first_line(error: Exception) -> str:
    """An error of a library, cut to its first line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
