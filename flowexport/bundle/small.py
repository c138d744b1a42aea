"""Small files of strangers: plain ones, bounded, read once."""

from __future__ import annotations

__all__ = ["MANIFEST_BYTES", "plain_file", "read_small"]

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from flowexport.errors import BundleError, FlowExportError
from flowexport.files import require_fetched

MANIFEST_BYTES = 4 << 20
"""A flow.json larger than this is refused before it is parsed."""

WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
"""Opening a FIFO to read waits for whoever writes, unless it is asked not to."""


def read_small(path: Path, most: int, error: type[FlowExportError] = BundleError, hint: str = "") -> bytes:
    """The bytes of a plain file.

    Arguments:
        path: the file.
        most: bytes that it may have.
        error: what is raised.
        hint: what a message adds where there is no such file.

    Raises:
        FlowExportError: of that kind, naming the file, where it is not plain, is larger, or cannot be read.
    """
    with plain_file(path, error, hint) as (stream, size):
        if size > most:
            raise error(f"larger than {most} bytes", file=path)
        # One byte more than it says, to see one that grows; not more, since so much is set aside.
        data = stream.read(min(most, size) + 1)
    if len(data) > most:
        raise error(f"larger than {most} bytes", file=path)
    require_fetched(data, path, error)
    return data


@contextmanager
def plain_file(path: Path, error: type[FlowExportError], hint: str = "") -> Iterator[tuple[BinaryIO, int]]:
    """A plain file, open to be read, and its size in bytes.

    A FIFO would wait for ever, and a device has no end; neither is opened to be read.

    Raises:
        FlowExportError: of that kind, naming the file, where it is not plain, or cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | WITHOUT_WAITING)
    except (OSError, ValueError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "not a name of a file"
        raise error(f"cannot be read ({reason}){hint}", file=path) from fault
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise error("is no plain file", file=path)
        with open(handle, "rb", closefd=False) as stream:
            yield stream, status.st_size
    except OSError as fault:
        raise error(f"cannot be read ({fault.strerror})", file=path) from fault
    finally:
        os.close(handle)
