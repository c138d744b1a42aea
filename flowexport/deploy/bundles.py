"""The bundles to deploy, and the names that they have there."""

from __future__ import annotations

__all__ = ["Named", "named_bundles"]

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flowexport.bundle import Bundle, open_bundle
from flowexport.bundle.small import MANIFEST_BYTES, read_small
from flowexport.errors import ArgumentError, BundleError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What is a name of a folder, of a model in an address, and of a label of metrics alike."""

GIVEN = re.compile(rf"({NAME.pattern})=(.+)", re.DOTALL)


@dataclass(frozen=True)
class Named:
    """A bundle, and what it is called where it goes.

    Arguments:
        name: of its models, without what each ends with.
        bundle: opened.
    """

    name: str
    bundle: Bundle

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file of the bundle, with its path in it, and its hash checked.

        Raises:
            BundleError: where one is another than when the bundle was opened.
        """
        path = self.bundle.path / "flow.json"
        data = read_small(path, MANIFEST_BYTES)
        if hashlib.sha256(data).hexdigest() != self.bundle.sha256:
            raise BundleError("was replaced meanwhile; deploy again", file=path)
        yield "flow.json", data
        for name in self.bundle.manifest.files:
            yield name, self.bundle.read(name)


def named_bundles(given: Iterable[str]) -> list[Named]:
    """Opens bundles by ``BUNDLE`` or ``NAME=BUNDLE``: a folder, or the name of a zoo model.

    Raises:
        ArgumentError: for a name that no engine takes, or that two have.
        BundleError: for a bundle that breaks the contract.
    """
    found: dict[str, Named] = {}
    for each in given:
        match = None if os.path.lexists(each) else GIVEN.fullmatch(each)
        path = match[2] if match else each
        bundle = open_bundle(path)
        name = match[1] if match else bundle.manifest.name
        if not NAME.fullmatch(name):
            raise ArgumentError(f"{name!r} is no name for a folder and an address; give one: NAME={path}", file=path)
        if name in found:
            raise ArgumentError(
                f"is named {name}, as {found[name].bundle.path} is; give another: NAME={path}", file=path
            )
        found[name] = Named(name, bundle)
    return list(found.values())
