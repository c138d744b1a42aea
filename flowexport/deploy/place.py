"""Putting what was made where it is wanted: beside what is there, and never over it."""

from __future__ import annotations

__all__ = ["place_new"]

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from flowexport.bundle import staged
from flowexport.errors import ArgumentError
from flowexport.files import naming, write_file


def place_new(root: Path, files: Mapping[str, bytes]) -> None:
    """Writes files into a folder; each folder at its top appears with all that is in it.

    Arguments:
        root: the folder, made where there is none.
        files: their bytes by their paths in it, with slashes.

    Raises:
        ArgumentError: where one of the names at the top is there already; then nothing is written.
        OSError: naming the file that cannot be written.
    """
    tops = sorted({PurePosixPath(name).parts[0] for name in files})
    if root.exists() and not root.is_dir():
        raise ArgumentError(f"{root}: is there and is no folder")
    for top in tops:
        if os.path.lexists(root / top):
            raise ArgumentError(f"{root / top}: is there already; remove it, or name another folder")
    root.mkdir(parents=True, exist_ok=True)
    with staged(root / "deploy") as folder, naming(root, hidden=folder):
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, data)
        for top in tops:
            os.rename(folder / top, root / top)
