"""Opens a bundle and reads its files, each held to its hash."""

from __future__ import annotations

__all__ = ["Bundle", "open_bundle", "require_hash", "settled"]

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from flowexport.errors import ArgumentError, BundleError

from .graphs import absent
from .npy import read_npy
from .onnx_file import OnnxFile, read_onnx
from .onnx_graph import OnnxGraph, read_graph
from .operators import OPSET
from .place import ASIDE, STAGED, beside
from .schema import GraphSpec, Manifest, decode_manifest
from .small import MANIFEST_BYTES, read_small
from .text import shown
from .zoo import zoo_bundle

FILE_BYTES = (2 << 30) - 1
"""The limit of one protobuf message, and so of every file of a bundle."""

DIGEST = re.compile("[0-9a-f]{64}")

TRIES = 50
"""How often a bundle is opened that is being replaced. One reading takes milliseconds, an export seconds."""

Made = TypeVar("Made")


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
            data = read_small(path, FILE_BYTES)
        except BundleError as error:
            raise error.told(BundleError, key="files") from error
        require_hash(path, data, expected)
        return data

    def file(self, name: str) -> Path:
        """The path of a listed file, inside the folder, links resolved."""
        if name not in self.manifest.files:
            raise BundleError(f"{name!r} is not listed", file=self.path / "flow.json", key="files")
        path = self.path / name
        # Not by Path.resolve, which raises for a link that leads to itself; to read it is refused.
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.path)):
            linked = "is a link that leaves the folder; copy the bundle with what its links lead to (cp -rL)"
            what = linked if path.is_symlink() else "leaves the folder"
            raise BundleError(f"{name!r} {what}", file=self.path / "flow.json", key="files")
        return path

    def array(self, name: str) -> np.ndarray:
        """A listed .npy file."""
        return read_npy(self.read(name), str(self.path / name))

    def spec(self, name: str) -> GraphSpec:
        """What ``flow.json`` says of a graph.

        Raises:
            BundleError: where the bundle does not hold it, saying what it cannot do.
        """
        if name not in self.manifest.graphs:
            raise absent(name, self.manifest.graphs, self.path / "flow.json")
        return self.manifest.graphs[name]

    def graph(self, name: str) -> tuple[bytes, OnnxFile]:
        """The bytes and the outline of a graph by its name, fit to be opened.

        Raises:
            BundleError: where the bundle does not hold it; for an operator that is not in the table, control flow,
                external data, or another domain, opset or signature than declared.
        """
        spec = self.spec(name)
        data = self.read(spec.file)
        model = read_onnx(data, str(self.path / spec.file))
        self.require_declared(spec, model)
        return data, model

    def nodes(self, name: str) -> OnnxGraph:
        """A graph by its name, with its nodes and its numbers; it is refused as by `graph`."""
        spec = self.spec(name)
        found = read_graph(self.read(spec.file), str(self.path / spec.file))
        self.require_declared(spec, found.outline)
        return found

    def require_declared(self, spec: GraphSpec, model: OnnxFile) -> None:
        """Holds the outline of a graph to what flow.json says of it.

        Raises:
            BundleError: for another domain, opset or signature.
        """
        where = str(self.path / spec.file)
        if model.opsets != [("", spec.opset)] or spec.opset != OPSET:
            imported = ", ".join(f"opset {version} of {shown(domain)}" for domain, version in model.opsets)
            raise BundleError(
                f"imports {imported}; flow.json declares {spec.opset}, and this package reads opset {OPSET} "
                "of the standard domain '' alone",
                file=where,
            )
        for key, found, tensors in (("inputs", model.inputs, spec.inputs), ("outputs", model.outputs, spec.outputs)):
            declared = [(tensor.name, tensor.dtype, tensor.shape) for tensor in tensors]
            if found != declared:
                raise BundleError(f"{key}: flow.json declares {declared}, the graph has {found}", file=where)


def open_bundle(path: str | os.PathLike[str], digest: str | None = None) -> Bundle:
    """Opens a bundle by its folder, or by the name of a zoo model where there is no such folder.

    Nothing is written, repaired or removed: what a crash of an exporter left aside is read where it is.

    Arguments:
        path: the folder, or the name.
        digest: the SHA-256 of the ``flow.json`` that is wanted, in lower-case hex; another bundle is refused.

    Raises:
        ArgumentError: for a digest that is none.
        BundleError: naming the file and the key that is at fault.
    """
    if digest is not None and not DIGEST.fullmatch(digest):
        raise ArgumentError(f"expected 64 lower-case hex digits, got {shown(digest)}", key="digest")
    folder = folder_of(path)
    manifest_path = folder / "flow.json"
    data = read_small(manifest_path, MANIFEST_BYTES, hint="; is this a bundle?")
    found = hashlib.sha256(data).hexdigest()
    if digest is not None and digest != found:
        raise BundleError(f"expected {digest[:12]}…, found {found[:12]}…", file=manifest_path, key="digest")
    bundle = Bundle(folder, decode_manifest(data, str(manifest_path)), found)
    for name in bundle.manifest.files:
        bundle.file(name)
    return bundle


def settled(path: str | os.PathLike[str], use: Callable[[Bundle], Made], digest: str | None = None) -> Made:
    """What is made of a bundle and its files, all of one version: again where it was replaced meanwhile.

    Raises:
        BundleError: as `open_bundle`, or whatever ``use`` raises of a bundle that was not replaced.
    """
    for _ in range(TRIES - 1):
        before = identity(path)
        try:
            return use(open_bundle(path, digest))
        except BundleError:
            if identity(path) == before:
                raise
    return use(open_bundle(path, digest))


def identity(path: str | os.PathLike[str]) -> tuple[object, ...]:
    """What tells the folder at a path, and the old one that waits aside, from those that take their places."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None, beside(Path(os.path.abspath(path)), ASIDE)
    return status.st_dev, status.st_ino, status.st_ctime_ns


def folder_of(path: str | os.PathLike[str]) -> Path:
    """Where a bundle is: its folder, where it waits while a new one moves in, or a model of the zoo of that name."""
    folder = Path(path)
    target = Path(os.path.abspath(folder))
    if "\0" in os.fspath(path):
        raise BundleError(f"{shown(os.fspath(path))}: is not a name of a folder")
    for _ in range(TRIES):
        if os.path.lexists(folder):
            return folder
        aside = [each for each in beside(target, ASIDE) if (each / "flow.json").is_file()]
        if aside:
            return aside[0]
        if not beside(target, STAGED):
            break
    return folder if os.path.lexists(folder) else zoo_bundle(os.fspath(path))


def require_hash(path: Path, data: bytes, expected: str) -> None:
    """Holds the bytes of a bundle's file, in a folder or an archive, to the hash that is listed.

    Raises:
        BundleError: naming the file, and what its bytes show.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        hashes = f"expected {expected[:12]}…, found {found[:12]}…"
        raise BundleError(f"hash differs ({hashes}){fault_of(path.name, data)}", file=path, key="files")


def fault_of(name: str, data: bytes) -> str:
    """What the bytes of a file show, whose hash is not the one that is listed: the end of a message, or nothing."""
    if not data:
        return "; it is empty: copy it again"
    readers: dict[str, Callable[[bytes, str], object]] = {".npy": read_npy, ".onnx": read_onnx}
    read = readers.get(Path(name).suffix)
    try:
        if read is not None:
            read(data, "it is cut short or damaged")
    except BundleError as error:
        return f"; {error}: copy it again"
    return ""
