"""Bundles that come, go and are replaced while requests are answered."""

from __future__ import annotations

__all__ = ["Loading"]

import asyncio
from collections.abc import Callable

from flowexport.errors import FlowExportError

from .counters import Counters
from .log import Log
from .refusal import Refusal
from .registry import Registry, Served, fault_line


class Loading:
    """Keeps a worker's bundles as they are wanted, and as they are on disk.

    Arguments:
        registry: of what is served.
        counters: where all workers see which bundles are wanted.
        log: of what became of each.
    """

    def __init__(self, registry: Registry, counters: Counters, log: Log) -> None:
        self.registry, self.counters, self.log = registry, counters, log
        self.loop = asyncio.get_running_loop()
        self._waiting: dict[str, list[Callable[[Refusal | None], None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def settled(self) -> bool:
        """Whether every bundle that is wanted is loaded."""
        return all(served.model is not None or not self._wants(served) for served in self.registry.served.values())

    def change(self, name: str, load: bool, done: Callable[[Refusal | None], None]) -> None:
        """Loads or unloads a bundle, by its name or that of one of its endpoints, here and in the other workers.

        Raises:
            Refusal: where there is none of that name.
        """
        served = self.registry.owner(name)
        self.counters.want(served.at, load)
        if load:
            self.load(served, done)
            return
        self.registry.drop(served)
        self.log.say("unload", f"{served.name}: unloaded", bundle=served.name)
        done(None)

    def reload(self) -> None:
        """Loads every bundle that is wanted anew."""
        for served in self.registry.served.values():
            if self._wants(served):
                self.load(served)

    def look(self) -> None:
        """Does what another worker was asked to do, and takes what has been replaced on disk."""
        for served, stamp in self.registry.changed():
            served.stamp = stamp
            self.load(served)
        for served in self.registry.served.values():
            if served.model is None and self._wants(served) and served.name not in self._waiting:
                self.load(served)
            elif served.model is not None and not self._wants(served):
                self.registry.drop(served)

    def load(self, served: Served, done: Callable[[Refusal | None], None] | None = None) -> None:
        """Loads a bundle beside the one that serves, proves it, and takes it; or keeps the old one, and says why."""
        begun = served.name in self._waiting
        waiting = self._waiting.setdefault(served.name, [])
        if done is not None:
            waiting.append(done)
        if not begun:
            self._tasks.add(task := self.loop.create_task(self._load(served)))
            task.add_done_callback(self._tasks.discard)

    async def _load(self, served: Served) -> None:
        """Loads a bundle in a thread."""
        refusal = None
        try:
            model = await self.loop.run_in_executor(None, self.registry.opened, served.path, served.digest)
        except Exception as error:
            served.reason = fault_line(error)
            kept = "" if served.model is None else "the bundle that was loaded before is kept: "
            self.log.say("refused", f"{served.name}: {kept}{served.reason}", bundle=served.name)
            status = 400 if isinstance(error, FlowExportError) else 500
            refusal = Refusal(status, "not_allowed", f"{served.name}: cannot be loaded: {served.reason}")
            if served.model is None:
                self.counters.want(served.at, False)
        else:
            if self._wants(served):
                self.registry.put(served, model)
                digest = model.bundle.sha256
                message = f"{served.name}: loaded and proved, digest {digest[:12]}…"
                self.log.say("load", message, bundle=served.name, digest=digest)
        for done in self._waiting.pop(served.name):
            done(refusal)

    def _wants(self, served: Served) -> bool:
        return self.counters.wants(served.at)
