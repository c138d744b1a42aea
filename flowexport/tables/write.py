"""Writes tables block by block, under a temporary name that becomes the real one at the end."""

from __future__ import annotations

__all__ = ["TableWriter", "open_writer"]

import csv
import gzip
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from flowexport.errors import DataError
from flowexport.files import naming, whole_file

from .arrow import import_arrow
from .columns import arrow_column, lines_of, number_column
from .source import ENDINGS, FORMATS, ending_of

if TYPE_CHECKING:
    import pyarrow
    from pyarrow import parquet
    from pyarrow.ipc import RecordBatchFileWriter

    from .columns import ColumnData

ZIP_LEVEL = 6
"""As the gzip program has it."""


class TableWriter(AbstractContextManager["TableWriter"]):
    """A table being written. Leaving its ``with`` block by an exception leaves no file.

    Arguments:
        path: the file, or None for standard output.
        columns: the names of its columns.
        dtype: the type of its numbers; an NPY file has only one.
        zipped: whether it is compressed by gzip.
    """

    text = False
    """Whether it writes numbers as text."""
    named = True
    """Whether its columns have names, and may hold text."""

    def __init__(self, path: Path | None, columns: Sequence[str], dtype: np.dtype, zipped: bool = False) -> None:
        self.path = path
        self.columns = list(columns)
        self.dtype = np.dtype(dtype)
        self.rows = 0
        self.name = "standard output" if path is None else str(path)
        if path is None and sys.__stdout__ is None:
            raise DataError("standard output is closed; name a file with -o")
        with ExitStack() as entered:
            self.stream = sys.stdout.buffer if path is None else entered.enter_context(whole_file(path))
            if zipped:
                # Neither time nor name: the same rows make the same file.
                self.stream = entered.enter_context(gzip.GzipFile("", "wb", ZIP_LEVEL, self.stream, mtime=0))
            with naming(self.name):
                self.begin()
            self.leaving = entered.pop_all()

    def begin(self) -> None:
        """Writes what stands before the rows."""

    def append(self, block: Sequence[ColumnData]) -> None:
        """Writes one block, a list of columns of equal length."""
        raise NotImplementedError

    def finish(self) -> None:
        """Writes what stands behind the rows."""

    def abandon(self) -> None:
        """Lets go of what would write to the file later, after an exception."""

    def write(self, *block: ColumnData) -> None:
        """Appends rows: one `ColumnData` each, or one array ``[rows, columns]`` for all."""
        first, columns = block[0], list(block)
        if len(block) == 1 and isinstance(first, np.ndarray) and first.ndim == 2:
            columns = list(first.T)
        with naming(self.name):
            self.append(columns)
        self.rows += len(columns[0])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            with self.leaving:
                self.finish()
                with naming(self.name):
                    self.stream.flush()
            return
        # What leaves the block is the first error, not what closing a broken file says of it.
        with suppress(Exception):
            self.abandon()
        self.leaving.__exit__(kind, error, trace)


class TextWriter(TableWriter):
    """A header, and shortest numbers that read back the same; CSV, or with another delimiter."""

    text = True
    delimiter = ","

    def begin(self) -> None:
        header = io.StringIO()
        csv.writer(header, lineterminator="\n", delimiter=self.delimiter).writerow(self.columns)
        self.stream.write(header.getvalue().encode())

    def append(self, block: Sequence[ColumnData]) -> None:
        # A line of one cell with nothing in it would be passed over.
        self.stream.write(lines_of(block, self.delimiter, '""' if len(self.columns) == 1 else ""))


class TabWriter(TextWriter):
    """Tabs between cells."""

    delimiter = "\t"


class ArrowWriter(TableWriter):
    """Feather, which is an Arrow file: one column a name, each of its own type."""

    writer: RecordBatchFileWriter | parquet.ParquetWriter | None = None

    def append(self, block: Sequence[ColumnData]) -> None:
        pyarrow, _ = import_arrow("compute")
        batch = pyarrow.RecordBatch.from_arrays(list(map(arrow_column, block)), names=self.columns)
        if self.writer is None:
            self.writer = self.opened(batch.schema)
        self.writer.write_batch(batch)

    def opened(self, schema: pyarrow.Schema) -> RecordBatchFileWriter | parquet.ParquetWriter:
        """What writes batches of a schema."""
        _, ipc = import_arrow("ipc")
        writer: RecordBatchFileWriter | parquet.ParquetWriter = ipc.new_file(self.stream, schema)
        return writer

    def finish(self) -> None:
        if self.writer is None:
            self.append([np.empty(0, self.dtype) for _ in self.columns])
        if self.writer is not None:
            self.writer.close()

    def abandon(self) -> None:
        if self.writer is not None:
            self.writer.close()


class ParquetWriter(ArrowWriter):
    """One column a name, each of its own type."""

    def opened(self, schema: pyarrow.Schema) -> parquet.ParquetWriter:
        _, library = import_arrow("parquet")
        writer: parquet.ParquetWriter = library.ParquetWriter(self.stream, schema)
        return writer


class NpyWriter(TableWriter):
    """One array ``[rows, columns]``; its header is written again once the number of rows is known."""

    named = False

    def begin(self) -> None:
        # numpy pads a header so that the first axis can grow in place.
        header = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False}
        shape = (self.rows, len(self.columns))
        np.lib.format.write_array_header_1_0(self.stream, header | {"shape": shape})

    def append(self, block: Sequence[ColumnData]) -> None:
        columns = [number_column(column, name) for column, name in zip(block, self.columns, strict=True)]
        self.stream.write(np.stack(columns, axis=1).astype(self.dtype, copy=False).tobytes())

    def finish(self) -> None:
        self.stream.seek(0)
        self.begin()


WRITERS: dict[str, Callable[..., TableWriter]] = {
    "csv": TextWriter,
    "tsv": TabWriter,
    "npy": NpyWriter,
    "parquet": ParquetWriter,
    "arrow": ArrowWriter,
}


def open_writer(
    path: str | os.PathLike[str] | None, columns: Sequence[str], dtype: np.dtype | type = np.float64
) -> TableWriter:
    """Starts a table by the end of its name, or CSV on standard output for None, for ``-`` and into a pipe.

    Raises:
        DataError: for another ending, a folder, or one that cannot be written to.
        MissingExtra: where Parquet or Arrow is asked for and pyarrow is not installed.
    """
    target = None if path is None or str(path) == "-" else Path(path)
    ending = ".csv" if target is None else ending_of(target)
    if target is not None and target.is_dir():
        raise DataError("is a folder; name a file in it", file=path)
    if ending is None and target is not None and target.exists() and not target.is_file():
        ending = ".csv"
    if ending is None:
        raise DataError(f"cannot tell the format from its ending; use {', '.join(ENDINGS)}", file=path)
    if FORMATS[ending] in ("parquet", "arrow"):
        import_arrow("parquet")
    try:
        return WRITERS[FORMATS[ending]](target, columns, np.dtype(dtype), zipped=ending.endswith(".gz"))
    except OSError as error:
        where = "standard output" if target is None else path
        raise DataError(f"cannot be written ({error.strerror})", file=where) from error
