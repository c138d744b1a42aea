"""Tables whose columns have types of their own: Parquet, Feather and Arrow."""

from __future__ import annotations

__all__ = ["open_arrow", "open_parquet"]

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from flowexport.errors import DataError

from .arrow import import_arrow
from .arrow_cells import ArrowCells
from .part import BLOCK_ROWS, Batch, Numbering, Part, require_once
from .source import Source

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyarrow.parquet import FileMetaData, ParquetFile


def open_parquet(source: Source) -> Part:
    """A Parquet file."""
    pyarrow, parquet = import_arrow("parquet")
    failing = (pyarrow.ArrowException, OSError)

    def opened() -> ParquetFile:
        with naming(source.name, "not a readable Parquet file", failing):
            # Buffered, not whole column chunks: a file of one huge row group must not be read into memory.
            file: ParquetFile = parquet.ParquetFile(source.file(), buffer_size=1 << 20, pre_buffer=False)
        return file

    with opened() as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    require_once(source.name, list(schema.names))
    wanted = range(rows) if source.rows is None else source.rows

    def batches(columns: list[str], skip: bool) -> Iterator[Batch]:
        numbering = Numbering(wanted.start + 1)
        with opened() as file, naming(source.name, "broken Parquet file", failing):
            groups, before = groups_of(file.metadata, wanted)
            read = file.iter_batches(BLOCK_ROWS, row_groups=groups, columns=columns, use_threads=False)
            for batch in evenly(read, wanted.start - before, len(wanted)):
                yield numbering.batch(ArrowCells(batch, None))

    return Part(source.name, list(schema.names), True, len(wanted), batches)


def groups_of(metadata: FileMetaData, rows: range) -> tuple[list[int], int]:
    """The row groups of a Parquet file that hold some of the rows, and how many rows are before the first of them."""
    ends = np.cumsum([metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)], dtype=np.int64)
    first = int(np.searchsorted(ends, rows.start, side="right"))
    last = int(np.searchsorted(ends, rows.stop, side="left"))
    return list(range(first, min(last + 1, len(ends)))), int(ends[first - 1]) if first else 0


def evenly(batches: Iterable[RecordBatch], skipped: int, rows: int) -> Iterator[RecordBatch]:
    """Arrow batches as ones of `BLOCK_ROWS` rows, whatever they are cut by: the last bits of a score depend on it.

    Arguments:
        batches: that texts and dictionaries end at each row group.
        skipped: rows at the beginning that are not wanted.
        rows: how many are wanted behind them.
    """
    held: list[RecordBatch] = []
    count = 0
    for each in batches:
        batch = each.slice(skipped)
        skipped = max(0, skipped - each.num_rows)
        batch = batch.slice(0, rows)
        rows -= batch.num_rows
        while count + batch.num_rows >= BLOCK_ROWS:
            held.append(batch.slice(0, BLOCK_ROWS - count))
            batch = batch.slice(BLOCK_ROWS - count)
            yield joined(held)
            held, count = [], 0
        if batch.num_rows:
            held.append(batch)
            count += batch.num_rows
        if not rows:
            break
    if held:
        yield joined(held)


def joined(batches: Sequence[RecordBatch]) -> RecordBatch:
    """Arrow batches as one."""
    if len(batches) == 1:
        return batches[0]
    pyarrow, _ = import_arrow("compute")
    table = pyarrow.Table.from_batches(batches)
    columns = [column.combine_chunks() for column in table.columns]
    whole: RecordBatch = pyarrow.RecordBatch.from_arrays(columns, table.column_names)
    return whole


def open_arrow(source: Source) -> Part:
    """An Arrow file, such as Feather's second version, or a stream of Arrow batches."""
    pyarrow, ipc = import_arrow("ipc")
    # Names that are no UTF-8 are a ValueError.
    failing = (pyarrow.ArrowException, OSError, UnicodeDecodeError)
    stream = not source.head.startswith((b"ARROW1", b"FEA1"))

    @contextmanager
    def opened() -> Iterator[tuple[list[str], Iterable[RecordBatch]]]:
        # Not mapped: what a damaged file says of its buffers would be read beyond its end.
        with naming(source.name, "not a readable Arrow file", failing), pyarrow.OSFile(str(source.file())) as file:
            reader = (ipc.open_stream if stream else ipc.open_file)(file)
            read = reader if stream else map(reader.get_batch, range(reader.num_record_batches))
            yield list(reader.schema.names), read

    with opened() as (names, _):
        pass
    require_once(source.name, names)

    def batches(columns: list[str], skip: bool) -> Iterator[Batch]:
        numbering = Numbering()
        with opened() as (_, read):
            for batch in read:
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
        raise DataError(f"{what} ({first_line(error)})", key=name) from error


def first_line(error: Exception) -> str:
    """An error of a library, cut to its first line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
