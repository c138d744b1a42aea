"""Putting a folder in place, whole or not at all.

A bundle is built in a *staged* folder beside its target, and exchanged with what stands there in one system
call where there is one (``renameat2`` on Linux). Elsewhere the old folder is renamed aside and the new one
in; the next who writes repairs what a crash between the two left, and who reads finds the old one where it waits.
All names are of one file system.
"""

from __future__ import annotations

__all__ = ["ASIDE", "STAGED", "beside", "place", "require_replaceable", "restore", "staged"]

import ctypes
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from flowexport.errors import BundleError
from flowexport.files import naming

from .json import decode_json
from .small import MANIFEST_BYTES, read_small

try:
    import fcntl
except ImportError:  # Windows: stale folders are then left for the user
    fcntl = None  # type: ignore[assignment]

STAGED, ASIDE = ".staged-", ".aside-"
"""What stands behind a target's name in those of the new folder, while it is built, and of the old one, while the new
one moves in."""

TOKEN = re.compile("[0-9a-f]{8}")
"""What stands behind that: whatever is named in another way is somebody's own."""

AT_FDCWD = -100
RENAME_EXCHANGE = 2
"""linux/fcntl.h and linux/fs.h."""


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A new folder beside the target, gone at the end unless it was put in place.

    It is locked while in use, so that the next one can tell, and remove, what a killed process left.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with alone(target.parent):
        for left in beside(target, STAGED):
            if TOKEN.fullmatch(left.name.rpartition("-")[2]) and not locked(left):
                shutil.rmtree(left, ignore_errors=True)
        folder = named_after(target, STAGED)
        with naming(target, hidden=folder):
            folder.mkdir()
        handle = os.open(folder, os.O_RDONLY) if fcntl else None
        if handle is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with naming(target, hidden=folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Waits until no other process stages or places in a folder: both take milliseconds, and leave no lock file."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def named_after(target: Path, kind: str) -> Path:
    """A new name beside a target."""
    return target.with_name(f".{target.name}{kind}{secrets.token_hex(4)}")


def beside(target: Path, kind: str) -> list[Path]:
    """The folders beside a target that are named after it and a kind."""
    prefix = f".{target.name}{kind}"
    try:
        return sorted(Path(each.path) for each in os.scandir(target.parent) if each.name.startswith(prefix))
    except (OSError, ValueError):
        return []


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
    """Puts a staged folder where the target is; what stood there is then where the staged folder was.

    Arguments:
        folder: the staged folder, whole.
        target: a bundle, or nothing.
        exchange: swaps two folders at once, or says that it cannot; `renameat2` by default.

    Raises:
        BundleError: where the target is something other than a bundle.
    """
    for path in sorted(folder.rglob("*")):
        sync(path)
    sync(folder)
    with alone(target.parent):
        restore(target)
        require_replaceable(target)
        if not os.path.lexists(target):
            os.rename(folder, target)
        elif not (exchange or renameat2)(folder, target):
            aside = named_after(target, ASIDE)
            os.rename(target, aside)
            os.rename(folder, target)
            os.rename(aside, folder)
        sync(target.parent)


def require_replaceable(target: Path) -> None:
    """Refuses a target that is there and is not a bundle, or holds a file that is none of the bundle's.

    Raises:
        BundleError: naming it, or the stranger in it.
    """
    if "\0" in str(target) or not target.name:
        raise BundleError(f"{str(target)!a}: is not a name of a folder that can be made")
    if not os.path.lexists(target):
        return
    if target.is_symlink() or not target.is_dir():
        raise BundleError("is there and is not a bundle; nothing was changed", file=target)
    found = stranger(target)
    if found == Path("flow.json"):
        raise BundleError("is there and is not a bundle; nothing was changed", file=target)
    if found is not None:
        raise BundleError(f"{target / found}: is no file of the bundle that would be replaced; nothing was changed")


def stranger(folder: Path) -> Path | None:
    """The first file in a folder that is not of the bundle there: ``flow.json`` itself where that is not a bundle's."""
    try:
        document = decode_json(read_small(folder / "flow.json", MANIFEST_BYTES))
    except (BundleError, ValueError):
        document = None
    said = document if isinstance(document, dict) else {}
    files = said.get("files")
    if not str(said.get("format")).startswith("flowexport/") or not isinstance(files, dict):
        return Path("flow.json")
    # A bundle may hold either graph alone.
    if not any(name.endswith(".onnx") for name in files):
        return Path("flow.json")
    listed = {PurePosixPath(name) for name in files} | {PurePosixPath("flow.json")}
    known = listed | {parent for name in listed for parent in name.parents}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if PurePosixPath(name.as_posix()) not in known:
            return name
    return None


def restore(target: Path) -> None:
    """Repairs what a crash between two renames left: the old bundle comes back, or is removed at last.

    Only who writes calls it, alone in the folder; what is named alike and is no bundle stays where it is.
    """
    for aside in beside(target, ASIDE):
        if not aside.is_dir() or stranger(aside) is not None:
            continue
        if os.path.lexists(target):
            # Under the name of what may be removed in part: half a bundle could not be told from a stranger's folder.
            left = named_after(target, STAGED)
            os.rename(aside, left)
            shutil.rmtree(left, ignore_errors=True)
        else:
            os.rename(aside, target)


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
