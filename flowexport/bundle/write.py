"""Writes a bundle's files."""

__all__ = ["write_bundle"]

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from .schema import Manifest, decode_manifest, encode_manifest


def write_bundle(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Writes files and, last, the ``flow.json`` that lists them.

    Arguments:
        folder: an empty folder.
        manifest: complete but for ``files``, which is made here.
        files: name → content.

    Raises:
        BundleError: where the manifest contradicts itself, before anything is written.
    """
    listed = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    encoded = encode_manifest(msgspec.structs.replace(manifest, files=listed))
    decode_manifest(encoded, str(folder / "flow.json"))
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "flow.json").write_bytes(encoded)
