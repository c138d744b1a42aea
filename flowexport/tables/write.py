"""Writes tables block by block, under a temporary name that becomes the real one at the end."""

from __future__ import annotations

__all__ = ["TableWriter", "open_writer"]

import csv
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from flowexport.errors import DataError
from flowexport.files import naming, whole_file

from .arrow import import_arrow


class TableWriter(AbstractContextManager["TableWriter"]):
    """A table being written. Leaving its ``with`` block by an exception leaves no file.

    Arguments:
        path: the file, or None for standard output.
        columns: the names of its columns.
        dtype: the type of its numbers; an NPY file has only one.
    """

    def __init__(self, path: Path | None, columns: Sequence[str], dtype: np.dtype[Any]) -> None:
        self.path = path
        self.columns = list(columns)
        self.dtype = np.dtype(dtype)
        self.rows = 0
        self.name = "standard output" if path is None else str(path)
        if path is None and sys.__stdout__ is None:
            raise DataError("standard output is closed; name a file with -o")
        with ExitStack() as entered:
            self.stream = sys.stdout.buffer if path is None else entered.enter_context(whole_file(path))
            with naming(self.name):
                self.begin()
            self.leaving = entered.pop_all()

    def begin(self) -> None:
        """Writes what stands before the rows."""

    def append(self, block: Sequence[np.ndarray]) -> None:
        """Writes one block, a list of columns of equal length."""
        raise NotImplementedError

    def finish(self) -> None:
        """Writes what stands behind the rows."""

    def abandon(self) -> None:
        """Lets go of what would write to the file later, after an exception."""

    def write(self, *block: np.ndarray) -> None:
        """Appends rows: one array ``[rows]`` a column, or one ``[rows, columns]`` for all."""
        columns = list(block[0].T) if len(block) == 1 and block[0].ndim == 2 else list(block)
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


class CsvWriter(TableWriter):
    """A header and shortest numbers that read back the same."""

    def begin(self) -> None:
        header = io.StringIO()
        csv.writer(header, lineterminator="\n").writerow(self.columns)
        self.stream.write(header.getvalue().encode())

    def append(self, block: Sequence[np.ndarray]) -> None:
        pyarrow, csv_module = import_arrow("csv")
        table = pyarrow.table({str(i): pyarrow.array(np.ascontiguousarray(c)) for i, c in enumerate(block)})
        csv_module.write_csv(table, self.stream, csv_module.WriteOptions(include_header=False))


class ParquetWriter(TableWriter):
    """One column a name, each of its own type."""

    writer: Any = None

    def append(self, block: Sequence[np.ndarray]) -> None:
        pyarrow, parquet = import_arrow("parquet")
        arrays = [pyarrow.array(np.ascontiguousarray(c)) for c in block]
        table = pyarrow.Table.from_arrays(arrays, names=self.columns)
        if self.writer is None:
            self.writer = parquet.ParquetWriter(self.stream, table.schema)
        self.writer.write_table(table)

    def finish(self) -> None:
        if self.writer is None:
            self.append([np.empty(0, self.dtype) for _ in self.columns])
        self.writer.close()

    def abandon(self) -> None:
        if self.writer is not None:
            self.writer.close()


class NpyWriter(TableWriter):
    """One array ``[rows, columns]``; its header is written again once the number of rows is known."""

    def begin(self) -> None:
        # numpy pads a header so that the first axis can grow in place.
        header = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False}
        shape = (self.rows, len(self.columns))
        np.lib.format.write_array_header_1_0(self.stream, header | {"shape": shape})

    def append(self, block: Sequence[np.ndarray]) -> None:
        self.stream.write(np.stack(block, axis=1).astype(self.dtype, copy=False).tobytes())

    def finish(self) -> None:
        self.stream.seek(0)
        self.begin()


def open_writer(
    path: str | os.PathLike[str] | None, columns: Sequence[str], dtype: np.dtype[Any] | type = np.float64
) -> TableWriter:
    """Starts a CSV, NPY or Parquet file by its ending, or CSV on standard output for None.

    Raises:
        DataError: for another ending, or a folder that cannot be written to.
        MissingExtra: where CSV or Parquet is asked for and pyarrow is not installed.
    """
    kinds: dict[str, Callable[..., TableWriter]] = {".csv": CsvWriter, ".npy": NpyWriter, ".parquet": ParquetWriter}
    target = None if path is None else Path(path)
    kind = CsvWriter if target is None else kinds.get(target.suffix.lower())
    if kind is None:
        raise DataError(f"{path}: cannot tell the format from its ending; use .csv, .npy or .parquet")
    if kind is not NpyWriter:
        import_arrow("csv")
    try:
        return kind(target, columns, np.dtype(dtype))
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from error
