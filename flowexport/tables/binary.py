"""Tables whose columns have types of their own: Parquet, Feather and Arrow."""

from __future__ import annotations

__all__ = ["open_arrow", "open_parquet"]

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flowexport.errors import DataError

from .arrow import import_arrow
from .arrow_cells import ArrowCells
from .part import BLOCK_ROWS, Batch, Numbering, Part, require_once
from .source import Source


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
    # Names that are no UTF-8 are a ValueError.
    failing = (pyarrow.ArrowException, OSError, UnicodeDecodeError)
    stream = not source.head.startswith((b"ARROW1", b"FEA1"))

    @contextmanager
    def opened() -> Iterator[Any]:
        # Not mapped: what a damaged file says of its buffers would be read beyond its end.
        with naming(source.name, "not a readable Arrow file", failing), pyarrow.OSFile(str(source.file())) as file:
            yield (ipc.open_stream if stream else ipc.open_file)(file)

    with opened() as reader:
        names = list(reader.schema.names)
    require_once(source.name, names)

    def batches(columns: list[str], skip: bool) -> Iterator[Batch]:
        numbering = Numbering()
        with opened() as reader:
            for batch in reader if stream else map(reader.get_batch, range(reader.num_record_batches)):
                chosen = batch.select(columns)
                # Offsets of texts are believed by all that comes after.
                chosen.validate(full=True)
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
