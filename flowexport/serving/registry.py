"""The bundles that are served: opened, proved, and replaced without a request that fails."""

from __future__ import annotations

__all__ = ["Registry", "Served"]

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from flowexport.errors import ArgumentError, CheckFailed, FlowExportError
from flowexport.runtime import Model, load
from flowexport.runtime.quick import prove_quickly

from .endpoint import Endpoint
from .refusal import Refusal
from .settings import Settings

GRAPHS = ("log_prob", "sample")


@dataclass
class Served:
    """A bundle that was named when the server started, loaded or not.

    Arguments:
        name: of its endpoints, without what each ends with.
        path: as it was given.
        model: None while it is unloaded.
        reason: why it is not loaded, or why a newer one at its path was not taken.
        stamp: what told the files at its path from others when they were last looked at.
    """

    name: str
    path: str
    model: Model | None = None
    reason: str = ""
    stamp: tuple[int, ...] | None = None
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    loaded_at: float = 0.0


class Registry:
    """What is served, by name. All but `opened` belongs to the event loop's thread.

    Arguments:
        settings: of the server.

    Raises:
        FlowExportError: where a bundle cannot be opened, fails its proof, or has the name of another.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.served: dict[str, Served] = {}
        self.endpoints: dict[str, Endpoint] = {}
        for given in settings.bundles:
            name, path = named(given)
            stamp = stamp_of(path)
            model = self.opened(path)
            served = Served(name or model.manifest.name, path, stamp=stamp)
            if served.name in self.served:
                first = self.served[served.name].path
                raise ArgumentError(f"{path}: is named {served.name}, as {first} is; give it another: NAME={path}")
            self.served[served.name] = served
            self.put(served, model)

    def opened(self, path: str) -> Model:
        """A bundle, loaded and proved. It may be called from any thread.

        Raises:
            CheckFailed: where a figure of the quick proof is over its bound.
        """
        model = load(path, self.settings.device, self.settings.threads)
        report = prove_quickly(model)
        if not report.passed:
            raise CheckFailed(report.fault(), report)
        return model

    def put(self, served: Served, model: Model) -> None:
        """Serves a model from now on; requests that came before are answered by the one that they came for."""
        limits = self.settings.limits
        endpoints = {
            f"{served.name}_{graph}": Endpoint(f"{served.name}_{graph}", model, graph, limits) for graph in GRAPHS
        }
        served.model, served.endpoints, served.reason, served.loaded_at = model, endpoints, "", time.time()
        self.endpoints.update(endpoints)

    def drop(self, served: Served) -> None:
        """Serves a model no more."""
        for name in served.endpoints:
            self.endpoints.pop(name, None)
        served.model, served.endpoints, served.reason = None, {}, "unloaded"

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

    @property
    def ready(self) -> bool:
        """Whether every bundle is loaded."""
        return all(served.model is not None for served in self.served.values())


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
