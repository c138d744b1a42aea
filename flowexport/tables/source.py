"""Where a table's bytes come from: a file, a compressed one, standard input or another pipe."""

from __future__ import annotations

__all__ = ["ENDINGS", "FORMATS", "HEAD", "Given", "Source", "ending_of", "expanded", "sources_of"]

import gzip
import io
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

from flowexport.errors import DataError
from flowexport.files import require_fetched

FORMATS = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "tsv",
    ".tsv.gz": "tsv",
    ".npy": "npy",
    ".parquet": "parquet",
    ".feather": "arrow",
    ".arrow": "arrow",
}
"""What a table is, by the end of its name."""

ENDINGS = tuple(FORMATS)

MAGIC = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "arrow", b"\x93NUMPY": "npy"}
"""How the files of a format begin, by which a pipe is known; anything else is text."""

GZIP = b"\x1f\x8b"

UNZIPPING = (gzip.BadGzipFile, EOFError, zlib.error)
"""What is raised of compressed bytes that are damaged."""

HEAD = 1 << 20
"""Bytes at the beginning that are looked at before the table is read; a header has no more."""


@dataclass
class Source:
    """A table's bytes.

    Arguments:
        name: in messages.
        format: csv, tsv, npy, parquet or arrow.
        zipped: whether they are compressed by gzip.
        path: of the file; None for a pipe.
        pipe: that is read once; None for a file.
        head: the first bytes, decompressed.
        rows: which of its rows, from 0; None for all. Of NPY and Parquet alone, which are read from any row on.
    """

    name: str
    format: str
    zipped: bool
    path: Path | None = None
    pipe: BinaryIO | None = None
    head: bytes = b""
    rows: range | None = None
    copy: IO[bytes] | None = field(default=None, repr=False)

    def open(self) -> BinaryIO:
        """The decompressed bytes from the first on.

        Raises:
            DataError: where a pipe was read already.
        """
        if self.path is not None:
            return gzip.open(self.path) if self.zipped else self.path.open("rb")  # type: ignore[return-value]
        if self.pipe is None:
            raise DataError(f"{self.name}: can be read only once; write it to a file first")
        stream, self.pipe = self.pipe, None
        return io.BufferedReader(Joined(self.head, stream))

    def file(self) -> Path:
        """A file to seek in; a pipe is copied to a temporary one, which goes with this object."""
        if self.path is None:
            self.copy = tempfile.NamedTemporaryFile(prefix="flowexport-")  # noqa: SIM115
            try:
                with self.open() as stream:
                    shutil.copyfileobj(stream, self.copy)
            except UNZIPPING as error:
                raise DataError(f"{self.name}: not a readable gzip file ({error})") from error
            self.copy.flush()
            self.path, self.zipped = Path(self.copy.name), False
        return self.path


Given = str | os.PathLike[str] | Source


class Joined(io.RawIOBase):
    """Bytes that were read already, and the stream that they are from."""

    def __init__(self, head: bytes, stream: IO[bytes]) -> None:
        self.head = head
        self.stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.head[: len(buffer)] or self.stream.read(len(buffer))
        self.head = self.head[len(data) :]
        buffer[: len(data)] = data
        return len(data)


def source_of(path: str | os.PathLike[str]) -> Source:
    """A file by the end of its name, or a pipe by its first bytes; ``-`` is standard input.

    Raises:
        DataError: where it is not there, or of no format that is read.
    """
    path = Path(path)
    if "\0" in str(path):
        raise DataError(f"{str(path)!a}: is not a name of a file")
    try:
        if str(path) == "-":
            return source_of_pipe("standard input", sys.stdin.buffer)
        if not path.exists():
            raise DataError("no such file", file=path)
        ending = ending_of(path)
        if path.is_dir():
            raise DataError("is a folder, and no table", file=path)
        if not path.is_file() or (ending is None and path.is_relative_to("/dev")):
            return source_of_pipe(str(path), path.open("rb"))
        if ending is None:
            raise DataError(f"cannot tell the format from {path.suffix!r}; use {', '.join(ENDINGS)}", file=path)
        source = Source(str(path), FORMATS[ending], ending.endswith(".gz"), path)
        with source.open() as stream:
            source.head = stream.read(HEAD)
    except UNZIPPING as error:
        raise DataError(f"not a readable gzip file ({error})", file=path) from error
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", file=path) from error
    require_fetched(source.head, path, DataError)
    return source


def source_of_pipe(name: str, stream: BinaryIO) -> Source:
    """What comes through a pipe."""
    first = stream.read(8)
    zipped = first.startswith(GZIP)
    stream = io.BufferedReader(Joined(first, stream))
    if zipped:
        stream = gzip.GzipFile(fileobj=stream)  # type: ignore[assignment]
    head = stream.read(HEAD)
    format_ = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), "csv")
    return Source(name, format_, zipped, pipe=stream, head=head)


def ending_of(path: Path) -> str | None:
    """The end of a name that says what a table is."""
    name = path.name.lower()
    return next((ending for ending in ENDINGS if name.endswith(ending)), None)


def sources_of(given: Iterable[Given], again: bool = False) -> list[Source]:
    """Files, folders and pipes in their order.

    Arguments:
        again: whether they are to be read more than once; a pipe is then copied to a temporary file.
    """
    sources = [
        each for one in given for each in ([one] if isinstance(one, Source) else map(source_of, expanded([one])))
    ]
    for source in sources if again else ():
        source.file()
    return sources


def expanded(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Files as they are given, and those of a folder, and of folders in it, in the order of their names.

    Names that begin with a dot or ``_`` are passed over, as marks that other programs leave.

    Raises:
        DataError: where a folder has no table.
    """
    found = []
    for path in map(Path, paths):
        if not path.is_dir() or ending_of(path) is not None:
            found.append(path)
            continue
        files = [
            each
            for each in sorted(path.rglob("*"))
            if each.is_file()
            and ending_of(each) is not None
            and not any(part.startswith((".", "_")) for part in each.relative_to(path).parts)
        ]
        if not files:
            raise DataError(f"has no table in it ({', '.join(ENDINGS)})", file=path)
        found += files
    return found
