"""Tables of text: CSV, and what is parted by other characters; by pyarrow, or without it by the standard library."""

from __future__ import annotations

__all__ = ["open_text"]

import codecs
import csv
import io
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from flowexport.errors import DataError

from .arrow import has_arrow, import_arrow
from .arrow_cells import ArrowCells
from .binary import first_line
from .dialect import Dialect, sniffed
from .part import BLOCK_ROWS, Batch, Numbering, Part, Refused, require_once
from .plain import TextCells
from .source import GZIP, HEAD, Source
from .strict import CHUNK, StrictFile

if TYPE_CHECKING:
    from pyarrow.csv import CSVStreamingReader, InvalidRow

CSV_BLOCK_BYTES = 4 << 20
"""Bytes that pyarrow parses at a time; a single line may not be longer."""

AHEAD_SECONDS = 1.0
"""The longest that is waited for a read that nobody wants any more; it takes microseconds."""

OTHERS = {
    GZIP: "compressed by gzip; such a table is named .csv.gz",
    b"PK\x03\x04": "a zip archive; take the table out of it",
    b"PAR1": "a Parquet file; name it .parquet",
    b"ARROW1": "an Arrow file; name it .feather",
    b"\x93NUMPY": "an array of NumPy; name it .npy",
    b"\xd0\xcf\x11\xe0": "a workbook; save the sheet as CSV",
    b"SQLite format 3\0": "a database of SQLite; write the table as CSV",
}
"""How files begin that are given as text by mistake, and what they are."""

SHOWN = 80
"""Characters of a bad line that a message shows."""


def open_text(source: Source, dialect: Dialect) -> Part:
    """A table of text.

    Raises:
        DataError: for what is no text, or has no header.
    """
    head = first_lines(source, dialect)
    dialect = sniffed(dialect, source.name, list(io.StringIO(head.decode("utf-8", "replace"), newline="")))
    file = StrictFile(source.name, io.BytesIO(head), replace(dialect, encoding=None))
    columns = next(records_of(file), [])
    if not columns:
        raise DataError(f"{source.name}: not a readable CSV file (it has no header)")
    require_once(source.name, columns)

    def batches(chosen: list[str], skip: bool) -> Iterator[Batch]:
        file = StrictFile(source.name, source.open(), dialect)
        return (arrow_batches if has_arrow() else plain_batches)(file, columns, chosen, skip)

    alone = f"; if another character than {dialect.delimiter!r} parts its cells, --delimiter names it"
    return Part(source.name, columns, True, None, batches, alone if len(columns) == 1 else "", dialect)


def first_lines(source: Source, dialect: Dialect) -> bytes:
    """The first lines, as UTF-8.

    Raises:
        DataError: for what is no text of the encoding, or a line that is too long for a header.
    """
    head = source.head
    whole = len(head) < HEAD
    if not dialect.is_utf8:
        try:
            head = codecs.getincrementaldecoder(dialect.encoding or "")().decode(head).encode()
        except UnicodeError as error:
            what = f"is not text of the encoding {dialect.encoding} ({first_line(error)})"
            raise DataError(f"{source.name}: {what}") from error
    elif other := next((told for magic, told in OTHERS.items() if head.startswith(magic)), None):
        raise DataError(f"{source.name}: is no text, but {other}")
    elif head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{source.name}: is UTF-16 text, not UTF-8; --encoding utf-16 reads it")
    head = (head if whole else head[: head.rfind(b"\n") + 1]).removeprefix(b"\xef\xbb\xbf")
    if not whole and not head:
        raise DataError(f"{source.name}: its first line is longer than {HEAD} bytes")
    return head


def arrow_batches(file: StrictFile, columns: list[str], chosen: list[str], skip: bool) -> Iterator[Batch]:
    """The rows by pyarrow."""
    pyarrow, csv = import_arrow("csv")
    numbering = Numbering()
    held, reader = sys.getrefcount(file), None

    def refuse(row: InvalidRow) -> str:
        # The number counts the header, and lines with nothing in them do not count.
        numbering.refused.append(wrong_width((row.number or 1) - 1, row.expected_columns, row.actual_columns, row.text))
        return "skip" if skip else "error"

    def opened() -> CSVStreamingReader:
        stream: CSVStreamingReader = csv.open_csv(
            file,
            read_options=csv.ReadOptions(use_threads=False, block_size=CSV_BLOCK_BYTES),
            parse_options=csv.ParseOptions(
                delimiter=file.dialect.delimiter, invalid_row_handler=refuse, newlines_in_values=True
            ),
            # Cells are read as text and turned into numbers here: only so can a bad one be named.
            convert_options=csv.ConvertOptions(
                include_columns=chosen,
                column_types={name: pyarrow.string() for name in chosen},
                strings_can_be_null=False,
            ),
        )
        return stream

    try:
        with opened() as reader:
            for batch in reader:
                for offset in range(0, batch.num_rows, BLOCK_ROWS):
                    yield numbering.batch(ArrowCells(batch.slice(offset, BLOCK_ROWS), file.dialect.decimal))
            if numbering.refused:
                nothing = pyarrow.RecordBatch.from_pylist([], reader.schema)
                yield numbering.batch(ArrowCells(nothing, file.dialect.decimal))
    except (pyarrow.ArrowException, OSError, DataError) as error:
        if file.fault is not None:
            raise file.fault from error
        if numbering.refused and not skip:
            first = numbering.refused[0]
            raise DataError(f"{file.name}: row {first.number}: {first.what}") from error
        raise DataError(f"{file.name}: not a readable CSV file ({first_line(error)})") from error
    finally:
        file.close()
        # pyarrow reads ahead in a thread of its own. One that asks for the interpreter while that ends aborts it.
        reader, until = None, time.monotonic() + AHEAD_SECONDS
        while sys.getrefcount(file) > held and time.monotonic() < until:
            time.sleep(AHEAD_SECONDS / 1000)


def plain_batches(file: StrictFile, columns: list[str], chosen: list[str], skip: bool) -> Iterator[Batch]:
    """The rows by the standard library."""
    numbering = Numbering()
    number, rows = 0, []
    records = records_of(file)
    next(records)
    for number, record in enumerate(records, 1):
        if len(record) == len(columns):
            rows.append(record)
        else:
            text = (file.dialect.delimiter or ",").join(record)
            refused = wrong_width(number, len(columns), len(record), text)
            if not skip:
                raise DataError(f"{file.name}: row {number}: {refused.what}")
            numbering.refused.append(refused)
        if len(rows) == BLOCK_ROWS:
            yield numbering.batch(TextCells(rows, columns, chosen, file.dialect.decimal or "."))
            rows = []
    if rows or numbering.refused:
        yield numbering.batch(TextCells(rows, columns, chosen, file.dialect.decimal or "."))


def records_of(file: StrictFile) -> Iterator[list[str]]:
    """The records of a file, without those of nothing; it is closed behind the last.

    Raises:
        DataError: for what is no CSV.
    """
    try:
        with io.TextIOWrapper(io.BufferedReader(file, CHUNK), encoding="utf-8", newline="") as text:
            yield from filter(None, csv.reader(text, delimiter=file.dialect.delimiter or ",", strict=True))
    except csv.Error as error:
        raise DataError(f"{file.name}: not a readable CSV file ({first_line(error)})") from error


def wrong_width(number: int, expected: int, actual: int, text: str) -> Refused:
    """A row of another number of cells than the header."""
    return Refused(number, f"expected {expected} cells, got {actual}: {text[:SHOWN]!r}", text)
