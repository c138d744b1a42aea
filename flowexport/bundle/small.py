"""Small files of strangers: plain ones, bounded, read once."""

from __future__ import annotations

__all__ = ["MANIFEST_BYTES", "read_small"]

import os
import stat
from pathlib import Path

from flowexport.errors import BundleError, FlowExportError

MANIFEST_BYTES = 4 << 20
"""A flow.json larger than this is refused before it is parsed."""

WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
"""Opening a FIFO to read waits for whoever writes, unless it is asked not to."""


def read_small(path: Path, most: int, error: type[FlowExportError] = BundleError, hint: str = "") -> bytes:
    """The bytes of a plain file.

    A FIFO would wait for ever, and a device has no end; neither is opened to be read.

    Arguments:
        path: the file.
        most: bytes that it may have.
        error: what is raised.
        hint: what a message adds where there is no such file.

    Raises:
        FlowExportError: of that kind, naming the file, where it is not plain, is larger, or cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | WITHOUT_WAITING)
    except (OSError, ValueError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "not a name of a file"
        raise error(f"{path}: cannot be read ({reason}){hint}") from fault
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise error(f"{path}: is no plain file")
        if status.st_size > most:
            raise error(f"{path}: larger than {most} bytes")
        # One byte more than it says, to see one that grows; not more, since so much is set aside.
        with open(handle, "rb", closefd=False) as stream:
            data = stream.read(min(most, status.st_size) + 1)
    except OSError as fault:
        raise error(f"{path}: cannot be read ({fault.strerror})") from fault
    finally:
        os.close(handle)
    if len(data) > most:
        raise error(f"{path}: larger than {most} bytes")
    return data
