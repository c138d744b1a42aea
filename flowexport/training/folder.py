"""A run folder as a place to write to: nothing in it but what a run wrote, and one training at a time."""

from __future__ import annotations

__all__ = ["alone", "require_no_links", "require_own", "stranger"]

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowexport.errors import CheckpointError

try:
    import fcntl
except ImportError:  # Windows: two trainings into one folder are then not told apart
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
"""Holds the id of the process that trains into the folder, while it does."""

OWN = re.compile(
    r"config\.json|learning_curve\.png|metrics\.csv|model\.safetensors|resume\.json|resume-\d+\.safetensors"
    r"|rows\.safetensors|\.lock|\..+\.tmp"
)
"""What a run writes."""

BEGUN = re.compile(r"rows\.safetensors|\.rows\.safetensors\..+\.tmp")
"""What a run that was stopped before its first epoch has left, whole or half written."""


def stranger(folder: Path) -> str | None:
    """The first entry of a folder that no run writes, or None."""
    return next((name for name in sorted(each.name for each in folder.iterdir()) if not OWN.fullmatch(name)), None)


def require_own(folder: Path) -> None:
    """Refuses a folder to begin a run in that holds what no run wrote.

    A run that was stopped before its first epoch has left its rows, and more only beside them.

    Raises:
        CheckpointError: naming the stranger.
    """
    if not folder.is_dir():
        return
    names = sorted({each.name for each in folder.iterdir()} - {LOCK})
    found = stranger(folder) or (None if any(map(BEGUN.fullmatch, names)) else next(iter(names), None))
    if found is not None:
        raise CheckpointError(f"{folder / found}: is of no run; name an empty folder or a new one; nothing was changed")


def require_no_links(folder: Path) -> None:
    """Refuses a folder with a link or a pipe in it: what is written to a file of the run would go where they lead.

    Raises:
        CheckpointError: naming the link or the pipe.
    """
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            raise CheckpointError("is a link, which no run makes; remove it; nothing was changed", file=path)
        if not (path.is_file() or path.is_dir()):
            # A pipe waits for somebody to read it.
            raise CheckpointError("is no plain file, as a run makes them; remove it; nothing was changed", file=path)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds a run folder's lock.

    Raises:
        CheckpointError: naming the process that holds it.
    """
    if fcntl is None:
        yield
        return
    path = folder / LOCK
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(handle, 20).decode("ascii", "replace").strip()
            raise CheckpointError(f"process {owner or 'of another'} trains into it", file=folder) from error
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(handle)
