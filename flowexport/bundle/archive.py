"""A bundle in a zip: a file, bytes, or a file that is open. Nothing is unpacked to a disk."""

from __future__ import annotations

__all__ = ["ArchivedBundle", "open_archive"]

import hashlib
import io
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from flowexport.errors import BundleError

from .read import FILE_BYTES, Bundle, require_hash
from .schema import decode_manifest
from .small import MANIFEST_BYTES

MEMBERS = 10_000
"""Members that an archive may have; a bundle has a few dozen."""


@dataclass(frozen=True)
class ArchivedBundle(Bundle):
    """A bundle whose files are in memory.

    Arguments:
        contents: of each listed file.
    """

    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def read(self, name: str) -> bytes:
        self.file(name)
        return self.contents[name]

    def file(self, name: str) -> Path:
        if name not in self.contents:
            raise BundleError(f"{name!r} is not listed", file=self.path / "flow.json", key="files")
        return self.path / name


def open_archive(given: bytes | IO[bytes] | str | os.PathLike[str], digest: str | None = None) -> ArchivedBundle:
    """Opens a zip that holds a bundle, at its top or in its only folder.

    Arguments:
        given: the zip's bytes, a file open for reading that can seek, or a path.
        digest: the SHA-256 of the ``flow.json`` that is wanted; another bundle is refused.

    Raises:
        BundleError: for what is no zip, a member that is there twice, encrypted or too large, a file that is missing
            or has another hash.
    """
    where = Path(given if isinstance(given, str | os.PathLike) else "archive.zip")
    try:
        with zipfile.ZipFile(io.BytesIO(given) if isinstance(given, bytes) else given) as archive:
            bundle = of_members(where, archive, members_of(where, archive))
    except BundleError:
        raise
    except Exception as error:  # zipfile, zlib and lzma raise many kinds
        raise BundleError(f"neither a folder nor a zip that can be read ({error})", file=where) from error
    if digest is not None and digest != bundle.sha256:
        raise BundleError(f"expected {digest[:12]}…, found {bundle.sha256[:12]}…", file=where, key="digest")
    return bundle


def members_of(where: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files of a zip by their names in the bundle."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MEMBERS:
        raise BundleError(f"{len(infos)} files, more than any bundle has", file=where)
    names = [info.filename for info in infos]
    tops = [name.removesuffix("flow.json") for name in names if name.split("/")[-1] == "flow.json"]
    tops = [top for top in tops if top.count("/") <= 1]
    if len(tops) != 1:
        raise BundleError("holds no flow.json, or several; is this a bundle?", file=where)
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename.removeprefix(tops[0])
        if name in members:
            raise BundleError(f"{name!r} is there twice", file=where)
        if info.filename.startswith(tops[0]):
            members[name] = info
    return members


def of_members(where: Path, archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> ArchivedBundle:
    """The bundle, each of whose files has been held to its hash."""
    data = member(where, archive, members, "flow.json", MANIFEST_BYTES)
    manifest = decode_manifest(data, str(where / "flow.json"))
    contents = {}
    for name, expected in manifest.files.items():
        contents[name] = member(where, archive, members, name, FILE_BYTES)
        require_hash(where / name, contents[name], expected)
    return ArchivedBundle(where, manifest, hashlib.sha256(data).hexdigest(), contents)


def member(
    where: Path, archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str, most: int
) -> bytes:
    """A file of a zip, no larger than it may be, whatever the zip says of its size."""
    if name not in members:
        raise BundleError(f"{where / name}: files: listed and not in the zip")
    with archive.open(members[name]) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise BundleError(f"{where / name}: larger than {most} bytes")
    return data
