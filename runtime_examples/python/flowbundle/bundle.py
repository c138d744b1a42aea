"""A bundle's folder: its files, each held to its hash."""

from __future__ import annotations

__all__ = ["Bundle", "open_bundle"]

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from .errors import BundleError
from .manifest import Manifest, read_manifest

MANIFEST_BYTES = 4 << 20
"""A flow.json larger than this is refused unread."""

FILE_BYTES = (2 << 30) - 1
"""The limit of an ONNX file, and so of every file of a bundle."""


@dataclass(frozen=True)
class Bundle:
    """A folder whose ``flow.json`` has been read.

    Arguments:
        path: the folder.
        manifest: its ``flow.json``.
    """

    path: Path
    manifest: Manifest

    def read(self, name: str) -> bytes:
        """A listed file, whole: the very bytes that were hashed.

        Raises:
            BundleError: where a link leads out of the folder, or the file is not there or has another hash.
        """
        path = self.path / name
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise BundleError(f"{self.path / 'flow.json'}: files: {name!r} leaves the folder")
        data = read_file(path, FILE_BYTES)
        expected, found = self.manifest.files[name], hashlib.sha256(data).hexdigest()
        if found != expected:
            raise BundleError(f"{path}: files: hash differs (expected {expected[:12]}…, found {found[:12]}…)")
        return data


def open_bundle(path: str | os.PathLike[str], digest: str | None = None) -> Bundle:
    """Opens a bundle and checks every listed file.

    Arguments:
        path: the folder.
        digest: the SHA-256 of its ``flow.json``, which pins the whole bundle; None for any.

    Raises:
        BundleError: naming the file and the key that is at fault.
    """
    folder = Path(path)
    file = folder / "flow.json"
    data = read_file(file, MANIFEST_BYTES)
    found = hashlib.sha256(data).hexdigest()
    if digest not in (None, found):
        raise BundleError(f"{file}: digest: expected {str(digest)[:12]}…, found {found[:12]}…")
    bundle = Bundle(folder, read_manifest(data, str(file)))
    for name in bundle.manifest.files:
        bundle.read(name)
    return bundle


def read_file(path: Path, most: int) -> bytes:
    """An ordinary file, whole, if it is not too large. A pipe would keep its reader waiting for ever."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BundleError(f"{path}: is not a file")
            if status.st_size > most:
                raise BundleError(f"{path}: larger than {most} bytes")
            return file.read()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
