"""The bundles that are served: opened, proved, and replaced without a request that fails."""

from __future__ import annotations

__all__ = ["Registry", "Served", "catalogue_of", "endpoint_names", "fault_line"]

import os
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flowexport.bundle import GRAPHS, open_archive, open_bundle
from flowexport.errors import ArgumentError, CheckFailed, FlowExportError
from flowexport.proof.quick import prove_quickly
from flowexport.runtime import Model, load

from .endpoint import Endpoint
from .refusal import Refusal
from .settings import Settings


@dataclass
class Served:
    """A bundle that was named when the server started, loaded or not.

    Arguments:
        name: of its endpoints, without what each ends with.
        path: as it was given.
        at: which of all, counted from 0.
        digest: of the one bundle that may stand at the path; None for any.
        model: None while it is unloaded.
        reason: why it is not loaded, or why a newer one at its path was not taken.
        stamp: what told the files at its path from others when they were last looked at.
        loaded_at: seconds since 1970.
        graphs: of the bundle that was last here.
    """

    name: str
    path: str
    at: int
    digest: str | None = None
    model: Model | None = None
    reason: str = ""
    stamp: tuple[int, ...] | None = None
    loaded_at: float = 0.0
    graphs: tuple[str, ...] = ()


class Registry:
    """What is served, by name. All but `opened` belongs to the event loop's thread.

    Arguments:
        settings: of the server.
        catalogue: name and path of each bundle, from `catalogue_of`.

    Raises:
        FlowExportError: where a bundle cannot be opened, or fails its proof.
    """

    def __init__(self, settings: Settings, catalogue: dict[str, str]) -> None:
        self.settings = settings
        self.served: dict[str, Served] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.paths: dict[bytes, Endpoint] = {}
        digests = pinned(settings.digests, catalogue)
        for at, (name, path) in enumerate(catalogue.items()):
            stamp = stamp_of(path)
            served = self.served[name] = Served(name, path, at, digests.get(name), stamp=stamp)
            self.put(served, self.opened(path, served.digest))

    def opened(self, path: str, digest: str | None = None) -> Model:
        """A bundle, loaded and proved. It may be called from any thread.

        Raises:
            CheckFailed: where a figure of the quick proof is over its bound.
        """
        settings = self.settings
        model = load(path, settings.device, settings.threads, engine=settings.engine, digest=digest)
        report = prove_quickly(model)
        if not report.passed:
            raise CheckFailed(report.fault(), report)
        return model

    def put(self, served: Served, model: Model) -> None:
        """Serves a model from now on; requests that came before are answered by the one that they came for."""
        self.drop(served)
        for offset, graph in enumerate(GRAPHS):
            if graph not in model.graphs:
                continue
            name = f"{served.name}_{graph}"
            endpoint = Endpoint(name, model, graph, self.settings.limits, served.at * len(GRAPHS) + offset)
            self.endpoints[name] = endpoint
            # The address that is asked most is found at one look.
            self.paths[b"/v2/models/%b/infer" % name.encode()] = endpoint
        served.model, served.reason, served.loaded_at = model, "", time.time()
        served.graphs = tuple(model.graphs)

    def drop(self, served: Served, reason: str = "unloaded") -> None:
        """Serves a model no more."""
        for graph in GRAPHS:
            name = f"{served.name}_{graph}"
            self.endpoints.pop(name, None)
            self.paths.pop(b"/v2/models/%b/infer" % name.encode(), None)
        served.model, served.reason = None, reason

    def endpoint(self, name: str, version: str = "1") -> Endpoint:
        """What answers to a name.

        Raises:
            Refusal: where nothing does.
        """
        endpoint = self.endpoints.get(name)
        if endpoint is None:
            known = ", ".join(self.endpoints)
            raise Refusal(
                404, "unknown_model", f"there is no model {name[:100]!r}; there is {known or 'none at present'}"
            )
        if version not in ("", "1"):
            raise Refusal(404, "unknown_version", f"{name}: there is no version {version[:40]!r}; there is 1")
        return endpoint

    def owner(self, name: str) -> Served:
        """The bundle that a name of an endpoint, or a name without its end, belongs to, loaded or not.

        Raises:
            Refusal: where there is none.
        """
        for served in self.served.values():
            if name in (served.name, *(f"{served.name}_{graph}" for graph in GRAPHS)):
                return served
        raise Refusal(404, "unknown_model", f"there is no model {name[:100]!r}")

    def changed(self) -> Iterator[tuple[Served, tuple[int, ...]]]:
        """Loaded bundles at whose path others stand by now, and what tells those."""
        for served in self.served.values():
            stamp = stamp_of(served.path)
            if served.model is not None and stamp is not None and stamp != served.stamp:
                yield served, stamp


def catalogue_of(bundles: Iterable[str]) -> dict[str, str]:
    """The name and path of each bundle that is to be served. Nothing but manifests is read.

    Raises:
        FlowExportError: where one cannot be opened, or has the name of another.
    """
    found: dict[str, str] = {}
    for given in bundles:
        name, path = named(given)
        bundle = open_archive(path) if Path(path).is_file() else open_bundle(path)
        name = name or bundle.manifest.name
        if name in found:
            raise ArgumentError(f"is named {name}, as {found[name]} is; give it another: NAME={path}", file=path)
        found[name] = path
    return found


def pinned(digests: Iterable[str], catalogue: Collection[str]) -> dict[str, str]:
    """The digest of each bundle that has to have one, by its name.

    Raises:
        ArgumentError: where it is not said of which of several, or of one that is not served.
    """
    found = {}
    for given in digests:
        name, equals, digest = given.rpartition("=")
        if not equals and len(catalogue) == 1:
            name = next(iter(catalogue))
        if name not in catalogue:
            raise ArgumentError(f"--digest {given}: expected NAME=HEX, with a NAME of {', '.join(catalogue)}")
        found[name] = digest
    return found


def endpoint_names(catalogue: Iterable[str]) -> list[str]:
    """The endpoints of bundles, in the order of `Endpoint.index`."""
    return [f"{name}_{graph}" for name in catalogue for graph in GRAPHS]


def named(given: str) -> tuple[str, str]:
    """``NAME=PATH`` in its two parts; a path that has a = of its own needs a name before it."""
    name, equals, path = given.partition("=")
    if not equals or os.path.lexists(given):
        return "", given
    if not name.replace("_", "").replace("-", "").replace(".", "").isalnum() or not name.isascii():
        raise ArgumentError(f"{given}: a name is of letters, digits, '-', '_' and '.'")
    return name, path


def stamp_of(path: str) -> tuple[int, ...] | None:
    """What changes when a bundle is replaced, whole or in place; None where there is none, or a zoo model's name."""
    folder = Path(path)
    try:
        stats = [folder.stat()]
        if folder.is_dir():
            stats.append((folder / "flow.json").stat())
    except (OSError, ValueError):
        return None
    return tuple(number for stat in stats for number in (stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size))


def fault_line(error: Exception) -> str:
    """An error in a line."""
    if isinstance(error, FlowExportError):
        return " ".join(str(error).split())
    return f"{type(error).__name__}: {error}"
