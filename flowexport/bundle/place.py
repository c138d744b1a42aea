"""Putting a folder in place, whole or not at all.

A bundle is built in a *staged* folder beside its target, and exchanged with what stands there in one system
call where there is one (``renameat2`` on Linux). Elsewhere the old folder is renamed aside and the new one
in; `restore` repairs what a crash between the two left. All names are of one file system.
"""

from __future__ import annotations

__all__ = ["place", "require_replaceable", "restore", "staged"]

import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flowexport.errors import BundleError

try:
    import fcntl
except ImportError:  # Windows: stale folders are then left for the user
    fcntl = None  # type: ignore[assignment]

AT_FDCWD = -100
RENAME_EXCHANGE = 2
"""linux/fcntl.h and linux/fs.h."""


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A new folder beside the target, gone at the end unless it was put in place.

    It is locked while in use, so that the next one can tell, and remove, what a killed process left.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{target.name}.staged-*"):
        if not locked(left):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.staged-", dir=target.parent))
    handle = os.open(folder, os.O_RDONLY) if fcntl else None
    try:
        if handle is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def locked(folder: Path) -> bool:
    """Whether a living process works in a staged folder."""
    if fcntl is None:
        return True
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def place(folder: Path, target: Path, exchange: Callable[[Path, Path], bool] | None = None) -> None:
    """Puts a staged folder where the target is; what stood there is removed afterwards.

    Arguments:
        folder: the staged folder, whole.
        target: a bundle, or nothing.
        exchange: swaps two folders at once, or says that it cannot; `renameat2` by default.

    Raises:
        BundleError: where the target is something other than a bundle.
    """
    restore(target)
    for path in sorted(folder.rglob("*")):
        sync(path)
    sync(folder)
    require_replaceable(target)
    if os.path.lexists(target):
        if not (exchange or renameat2)(folder, target):
            aside = aside_of(target)
            os.rename(target, aside)
            os.rename(folder, target)
            shutil.rmtree(aside)
    else:
        os.rename(folder, target)
    sync(target.parent)


def require_replaceable(target: Path) -> None:
    """Refuses a target that is there and is not a bundle.

    Raises:
        BundleError: naming it.
    """
    if os.path.lexists(target) and (target.is_symlink() or not (target / "flow.json").is_file()):
        raise BundleError(f"{target}: is there and is not a bundle; nothing was changed")


def restore(target: Path) -> None:
    """Repairs what a crash between two renames left: the old bundle comes back, or is removed at last."""
    aside = aside_of(target)
    if not aside.is_dir():
        return
    if os.path.lexists(target):
        shutil.rmtree(aside, ignore_errors=True)
    else:
        os.rename(aside, target)


def aside_of(target: Path) -> Path:
    """Where the old folder waits while the new one moves in."""
    return target.with_name(f".{target.name}.aside")


def renameat2(one: Path, other: Path) -> bool:
    """Exchanges two paths in one system call; False where the system or the file system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    status: int = call(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE)
    return status == 0


def sync(path: Path) -> None:
    """Brings a file or folder to the disk, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
