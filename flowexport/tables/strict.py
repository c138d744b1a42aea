"""The bytes of a CSV file, held to what all readers read alike (runtime_examples/README.md, "Tables")."""

from __future__ import annotations

__all__ = ["StrictFile"]

import gzip
import io
import re
import zlib
from collections.abc import Callable, Generator
from typing import BinaryIO

import numpy as np

from flowexport.errors import DataError

from .dialect import Dialect

CHUNK = 1 << 20
LONGEST = 4 << 20
"""Bytes that one line may have."""

BARE = re.compile(rb"\r(?!\n)|\0")


class StrictFile(io.RawIOBase):
    """UTF-8 text to read from; what is wrong with it is refused on the way, by row, and kept in ``fault``.

    Arguments:
        name: of the table.
        stream: its bytes, closed with this file.
        dialect: the delimiter beside which quotes may stand, and the encoding of the bytes.

    Raises:
        DataError: for a CR without LF, a NUL, bytes that are no text of the encoding, a quote in the wrong place or not
            closed.
    """

    def __init__(self, name: str, stream: BinaryIO, dialect: Dialect) -> None:
        self.name = name
        self.stream = stream
        self.dialect = dialect
        self.beside = [*(dialect.delimiter or ",").encode(), *b'\n\r"']
        self.fault: DataError | None = None
        self.pieces = self._pieces()
        self.ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            while not self.ready and (piece := next(self.pieces, None)) is not None:
                self.ready = piece
        except DataError as error:
            self.fault = error
            raise
        size = min(len(buffer), len(self.ready))
        buffer[:size] = self.ready[:size]
        self.ready = self.ready[size:]
        return size

    def close(self) -> None:
        self.pieces.close()
        self.stream.close()
        super().close()

    def _pieces(self) -> Generator[bytes, None, None]:
        """Whole lines, checked."""
        record, quoted = -1, False
        read = self._reader()
        tail = read(CHUNK).removeprefix(b"\xef\xbb\xbf")
        if tail.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise DataError(f"{self.name}: is UTF-16 text, not UTF-8 (--encoding utf-16 reads it)")
        while True:
            data = read(CHUNK)
            lines, newline, rest = (tail + data).rpartition(b"\n")
            piece, tail = (lines + newline, rest) if data else (tail, b"")
            if len(tail) > LONGEST:
                raise DataError(f"{self.name}: a line is longer than {LONGEST} bytes")
            record, quoted = self._checked(piece, record, quoted)
            # A header alone needs a line end for pyarrow.
            yield piece if data or not piece else piece + b"\n"
            if not data:
                break
        if quoted:
            raise DataError(f"{self.name}: {place(record)}: a quote is not closed")

    def _reader(self) -> Callable[[int], bytes]:
        """Reads so many bytes or characters, as UTF-8."""
        if self.dialect.is_utf8:
            text = None
        else:
            text = io.TextIOWrapper(self.stream, encoding=self.dialect.encoding, newline="")

        def read(size: int) -> bytes:
            try:
                return self.stream.read(size) if text is None else text.read(size).encode()
            except UnicodeError as error:
                encoding = self.dialect.encoding
                raise DataError(f"{self.name}: is not text of the encoding {encoding} ({error})") from error
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise DataError(f"{self.name}: not a readable gzip file ({error})") from error

        return read

    def _checked(self, piece: bytes, record: int, quoted: bool) -> tuple[int, bool]:
        """The number of the last record begun, the header being 0, and whether a quote is open behind the piece."""
        bytes_ = np.frombuffer(piece, np.uint8)
        quotes = np.flatnonzero(bytes_ == ord('"'))
        opening = (np.arange(len(quotes)) + quoted) % 2 == 0
        around = np.concatenate([[10], bytes_, [10]])
        neighbour = np.where(opening, around[quotes], around[quotes + 2])
        wrong = quotes[~np.isin(neighbour, self.beside) | (opening & (neighbour == 13))]
        ends = np.flatnonzero(bytes_ == 10)
        ends = ends[(np.searchsorted(quotes, ends) + quoted) % 2 == 0]
        starts = np.concatenate([[0], ends + 1]) if not quoted else ends + 1
        starts = starts[starts < len(bytes_)]
        first, second = around[starts + 1], np.concatenate([bytes_, [10, 10]])[starts + 1]
        starts = starts[~((first == 10) | ((first == 13) & (second == 10)))]

        def refuse(at: int, what: str) -> DataError:
            return DataError(f"{self.name}: {place(record + int((starts <= at).sum()))}: {what}")

        if bare := BARE.search(piece):
            what = "holds a NUL" if bare[0] == b"\0" else "has a CR without LF; lines end in LF or CR LF"
            raise refuse(bare.start(), what)
        try:
            piece.decode()
        except UnicodeDecodeError as error:
            raise refuse(
                error.start, f"is not UTF-8 text (byte {piece[error.start]:#x}); --encoding names another"
            ) from error
        if len(wrong):
            raise refuse(int(wrong[0]), "a quote in the wrong place")
        return record + len(starts), bool(quoted ^ (len(quotes) % 2 == 1))


def place(record: int) -> str:
    return "the header" if record < 1 else f"row {record}"
