"""Opens a bundle and reads its files, each held to its hash."""

from __future__ import annotations

__all__ = ["Bundle", "open_bundle"]

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from flowexport.errors import BundleError

from .npy import read_npy
from .onnx_file import OnnxFile, read_onnx
from .operators import OPSET
from .place import restore
from .schema import Manifest, decode_manifest
from .text import shown
from .zoo import zoo_bundle

MANIFEST_BYTES = 4 << 20
"""A flow.json larger than this is refused before it is parsed."""

FILE_BYTES = (2 << 30) - 1
"""The limit of one protobuf message, and so of every file of a bundle."""


@dataclass(frozen=True)
class Bundle:
    """A folder whose ``flow.json`` has been read and checked.

    Arguments:
        path: the folder.
        manifest: its ``flow.json``.
        sha256: of the bytes of ``flow.json``, which holds the hashes of all other files.
    """

    path: Path
    manifest: Manifest
    sha256: str

    def read(self, name: str) -> bytes:
        """A listed file, whole.

        Raises:
            BundleError: where it is not listed, leaves the folder, is not there, or has another hash.
        """
        path = self.file(name)
        expected = self.manifest.files[name]
        try:
            if path.stat().st_size > FILE_BYTES:
                raise BundleError(f"{path}: larger than {FILE_BYTES} bytes")
            data = path.read_bytes()
        except OSError as error:
            raise BundleError(f"{path}: files: listed but cannot be read ({error.strerror})") from error
        found = hashlib.sha256(data).hexdigest()
        if found != expected:
            raise BundleError(f"{path}: files: hash differs (expected {expected[:12]}…, found {found[:12]}…)")
        return data

    def file(self, name: str) -> Path:
        """The path of a listed file, inside the folder, links resolved."""
        if name not in self.manifest.files:
            raise BundleError(f"{self.path / 'flow.json'}: files: {name!r} is not listed")
        path = self.path / name
        if not plain(name) or not path.resolve().is_relative_to(self.path.resolve()):
            raise BundleError(f"{self.path / 'flow.json'}: files: {name!r} leaves the folder")
        return path

    def array(self, name: str) -> np.ndarray:
        """A listed .npy file."""
        return read_npy(self.read(name), str(self.path / name))

    def graph(self, name: str) -> tuple[bytes, OnnxFile]:
        """The bytes and the outline of a graph, ``log_prob`` or ``sample``, fit to be opened.

        Raises:
            BundleError: for an operator that is not in the table, control flow, external data, or another domain, opset
                or signature than declared.
        """
        spec = getattr(self.manifest.graphs, name)
        data = self.read(spec.file)
        where = str(self.path / spec.file)
        model = read_onnx(data, where)
        if model.opsets != [("", spec.opset)] or spec.opset != OPSET:
            imported = ", ".join(f"opset {version} of {shown(domain)}" for domain, version in model.opsets)
            raise BundleError(
                f"{where}: imports {imported}; flow.json declares {spec.opset}, and this package reads opset {OPSET} "
                "of the standard domain '' alone"
            )
        for key, found, tensors in (("inputs", model.inputs, spec.inputs), ("outputs", model.outputs, spec.outputs)):
            declared = [(tensor.name, tensor.dtype, tensor.shape) for tensor in tensors]
            if found != declared:
                raise BundleError(f"{where}: {key}: flow.json declares {declared}, the graph has {found}")
        return data, model


def open_bundle(path: str | os.PathLike[str]) -> Bundle:
    """Opens a bundle by its folder, or by the name of a zoo model where there is no such folder.

    Raises:
        BundleError: naming the file and the key that is at fault.
    """
    folder = Path(path)
    restore(Path(os.path.abspath(folder)))
    if not folder.exists():
        folder = zoo_bundle(os.fspath(path))
    manifest_path = folder / "flow.json"
    try:
        if manifest_path.stat().st_size > MANIFEST_BYTES:
            raise BundleError(f"{manifest_path}: larger than {MANIFEST_BYTES} bytes")
        data = manifest_path.read_bytes()
    except OSError as error:
        raise BundleError(f"{manifest_path}: cannot be read ({error.strerror}); is this a bundle?") from error
    bundle = Bundle(folder, decode_manifest(data, str(manifest_path)), hashlib.sha256(data).hexdigest())
    for name in bundle.manifest.files:
        bundle.file(name)
    return bundle


def plain(name: str) -> bool:
    """Whether a file name is relative, of forward slashes, and goes nowhere but down."""
    parts = PurePosixPath(name).parts
    return (
        bool(parts)
        and not name.startswith("/")
        and "\\" not in name
        and ":" not in name
        and "\0" not in name
        and all(part not in (".", "..") for part in name.split("/"))
    )
