"""The page of `flowexport view` at ``/``: it opens the bundles that are served, and computes in the browser."""

from __future__ import annotations

__all__ = ["Pages"]

import json
import mimetypes
from pathlib import Path

from flowexport.page.server import ISOLATION, TYPES

from .refusal import Refusal
from .registry import Registry

HEADERS = "".join(f"{name.lower()}: {value}\r\n" for name, value in ISOLATION.items()).encode()
"""With these the page may compute in two threads."""


class Pages:
    """Files of the page, and of bundles that are loaded from folders.

    Arguments:
        site: the page's folder; None where this package comes without it.
        registry: of what is served.
    """

    def __init__(self, site: Path | None, registry: Registry) -> None:
        self.site, self.registry = site, registry

    def read(self, parts: list[str]) -> tuple[bytes, bytes] | None:
        """The bytes at an address's parts and their content type; None where there is nothing.

        Raises:
            Refusal: for what leaves the folders.
        """
        if self.site is None:
            return None
        if parts == ["zoo", "index.json"]:
            return json.dumps(sorted(self._bundles())).encode(), b"application/json"
        folder, names = self.site, parts or ["index.html"]
        if parts[:1] == ["zoo"]:
            bundle = self._bundles().get(parts[1]) if len(parts) > 2 else None
            if bundle is None:
                return None
            folder, names = bundle, parts[2:]
        path = folder.joinpath(*names)
        try:
            if not path.resolve().is_relative_to(folder.resolve()):
                raise Refusal(403, "not_allowed", "this leaves the folder")
            kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            return path.read_bytes(), kind.encode()
        except (OSError, ValueError, RuntimeError):  # no such file, a zero byte, a loop of links
            return None

    def _bundles(self) -> dict[str, Path]:
        loaded = {name: served.model for name, served in self.registry.served.items()}
        return {name: model.bundle.path for name, model in loaded.items() if model and model.bundle.path.is_dir()}
