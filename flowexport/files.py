"""Files whole or not at all: one that is written has a name of its own until the end; one that is read is itself."""

from __future__ import annotations

__all__ = ["naming", "require_fetched", "whole_file", "write_file"]

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from flowexport.errors import FlowExportError

try:
    import fcntl
except ImportError:  # Windows: what a killed process left is then left for the user
    fcntl = None  # type: ignore[assignment]

SHOWN_BYTES = 100
"""Of a file's name in its temporary one, which may have 255 bytes in all."""

LFS = b"version https://git-lfs.github.com/spec/"
"""How the small file begins that Git LFS leaves in place of one that it has not fetched."""


def require_fetched(head: bytes, path: Path, error: type[FlowExportError]) -> None:
    """Holds the first bytes of a file to be its own, and not those of a pointer to it.

    Raises:
        FlowExportError: of that kind, naming the file.
    """
    if head.startswith(LFS):
        raise error("is a pointer of Git LFS, and not the file itself: git lfs pull fetches it", file=path)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of ``path`` when the block ends, and is gone if it fails.

    Its name cannot be foreseen, so that nobody can put a link in its way; it is locked while it is written, so that
    what a killed process left can be told and removed. Where the path is a link, what it leads to is written; where
    it is a pipe or a device, that is.

    Raises:
        OSError: naming the path.
    """
    with naming(path):
        # The links of /dev/fd lead to what has no path of its own.
        special = path.exists() and not path.is_file() and not path.is_dir()
        target = Path(os.path.realpath(path)) if path.is_symlink() and not special else path
        if not special:
            sweep(target)
    temporary = None if special else target.with_name(f"{prefix(target)}{secrets.token_hex(8)}.tmp")
    # From before it is made: a signal may come at once.
    try:
        with naming(path, hidden=temporary):
            stream = target.open("wb") if temporary is None else create(temporary)
        try:
            yield stream
            with naming(path):
                stream.flush()
                if temporary:
                    os.fsync(stream.fileno())
        finally:
            # On a full disk this raises once more.
            with naming(path):
                stream.close()
        if temporary:
            with naming(path):
                temporary.replace(target)
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


def write_file(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all.

    Raises:
        OSError: naming the path.
    """
    with whole_file(path) as stream, naming(path):
        stream.write(data)


@contextmanager
def naming(path: Path | str, hidden: Path | None = None) -> Iterator[None]:
    """Gives errors of the operating system the name of a file.

    Arguments:
        path: what the user calls it.
        hidden: a name that stands for it, and of a folder for all that is in it; errors of all others, but of none at
            all as on a full disk, stay as they are.
    """
    try:
        yield
    except OSError as error:
        named = hidden if error.filename is None else Path(str(error.filename))
        elsewhere = named is not None and (hidden is None or not named.is_relative_to(hidden))
        if elsewhere or error.errno is None or isinstance(error, BrokenPipeError):
            raise
        shown = Path(path) / named.relative_to(hidden) if named and hidden else path
        raise OSError(error.errno, error.strerror or os.strerror(error.errno), str(shown)) from error


def create(path: Path) -> BinaryIO:
    """A new locked file, readable and writable as the process's umask has it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with suppress(OSError):  # a file system without locks has no sweeping either
            if fcntl:
                fcntl.flock(handle, fcntl.LOCK_EX)
        # Another process may have taken it for a left one before it was locked.
        if os.fstat(handle).st_nlink:
            return os.fdopen(handle, "wb+")
        os.close(handle)


def sweep(path: Path) -> None:
    """Removes what killed processes left of earlier writings of this path."""
    if fcntl is None or not path.parent.is_dir():
        return
    for left in path.parent.iterdir():
        if not (left.name.startswith(prefix(path)) and left.name.endswith(".tmp")):
            continue
        with suppress(OSError):
            handle = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
            finally:
                os.close(handle)


def prefix(path: Path) -> str:
    """How the temporary names of a path begin."""
    return f".{os.fsdecode(os.fsencode(path.name)[:SHOWN_BYTES])}."
