"""The bytes of a CSV as records of cells; what two readers could read differently is refused."""

from __future__ import annotations

__all__ = ["MOST_BYTES", "read_records"]

import codecs
import re
from collections.abc import Iterable, Iterator

from .errors import Failure

MOST_BYTES = 4 << 20
"""A longer record is refused: without a line end a table would otherwise fill the memory."""

CELL = re.compile(r'"((?:[^"]|"")*)"|([^",]*)')
LONE_CR = re.compile(r"\r(?!\n)")


def read_records(lines: Iterable[bytes]) -> Iterator[tuple[str, list[str]]]:
    """Where a record is, for messages, and its cells; lines with nothing in them are none.

    Arguments:
        lines: with their ends, LF.
    """
    number, record, where = 0, b"", "standard input: header"
    for index, line in enumerate(lines):
        record += line if index else line.removeprefix(codecs.BOM_UTF8)
        if len(record) > MOST_BYTES:
            raise Failure(f"{where}: longer than {MOST_BYTES} bytes")
        if record.count(b'"') % 2:  # a line end between two quotes belongs to the cell
            continue
        if record not in (b"", b"\n", b"\r\n"):
            yield where, split_record(record, where)
            number += 1
            where = f"standard input: row {number}"
        record = b""
    if record:
        raise Failure(f"{where}: a quote is not closed")


def split_record(record: bytes, where: str) -> list[str]:
    """The cells of a record."""
    try:
        text = record.decode()
    except UnicodeDecodeError as error:
        raise Failure(f"{where}: is not UTF-8") from error
    if "\0" in text or LONE_CR.search(text):
        raise Failure(f"{where}: holds a NUL, or a CR that no LF follows")
    text = text.removesuffix("\n").removesuffix("\r")
    if '"' not in text:
        return text.split(",")
    cells, at = [], 0
    while at <= len(text):
        cell = CELL.match(text, at)
        assert cell is not None  # it matches nothing, too
        cells.append(cell[2] if cell[1] is None else cell[1].replace('""', '"'))
        at = cell.end() + 1
        if text[cell.end() : at] not in ("", ","):
            raise Failure(f"{where}: a quote in the wrong place")
    return cells
