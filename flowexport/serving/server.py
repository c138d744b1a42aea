"""The server: sockets, signals and clocks around what answers."""

from __future__ import annotations

__all__ = ["Server", "serve"]

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING

from flowexport.errors import ArgumentError

from .batching import Batcher
from .http import Connection, Exchange
from .refusal import Refusal
from .registry import Registry, Served, fault_line
from .routes import Routes
from .settings import Settings

if TYPE_CHECKING:
    from .grpc import GrpcServer

TICK_SECONDS = 0.25
"""How often deadlines, the date and the bundles' files are looked at."""

LAST_SECONDS = 30.0
"""What was accepted before the end has so long to be finished."""


class Server:
    """One process that serves.

    Arguments:
        settings: of it.
        registry: of what it serves.
    """

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self.settings, self.limits, self.registry = settings, settings.limits, registry
        self.connections: set[Connection] = set()
        self.draining = self.stopping = False
        self.common_head = b""
        self.loop = asyncio.get_running_loop()
        self.batcher = Batcher(settings.limits, settings.threads or 2)
        self.routes = Routes(registry, self.batcher, self.is_ready)
        self.handle: Callable[[Exchange], None] = self.routes.handle
        self.stopped = asyncio.Event()
        self._reloading: set[str] = set()

    def count_refusal(self, refusal: Refusal) -> None:
        """Takes note of a request that was refused before it was whole."""

    async def run(self, listener: socket.socket) -> None:
        """Serves until it is told to stop, and then until what was accepted is answered."""
        self._tick()
        server = await self.loop.create_server(lambda: Connection(self, self.loop), sock=listener, backlog=1024)
        for name in ("SIGTERM", "SIGINT"):
            self.loop.add_signal_handler(getattr(signal, name), self.stop)
        self.loop.add_signal_handler(signal.SIGHUP, self.reload)
        grpc = None
        if self.settings.grpc_port is not None:
            grpc = await self._start_grpc(self.settings.grpc_port)
        host, port = listener.getsockname()[:2]
        where = f"[{host}]" if ":" in host else host
        print(f"flowexport: serving {', '.join(self.registry.endpoints)} at http://{where}:{port}", flush=True)
        await self.stopped.wait()
        await asyncio.sleep(self.settings.drain_seconds)
        self.draining = True
        server.close()
        if grpc is not None:
            await grpc.stop(LAST_SECONDS)
        await self._finish()

    async def _start_grpc(self, port: int) -> GrpcServer:
        """The service over gRPC, imported where it is asked for: it takes a tenth of a second and 10 MiB."""
        from .grpc import GrpcServer

        grpc = GrpcServer(self.registry, self.batcher, self.is_ready)
        bound = await grpc.start(self.settings.host, port)
        print(f"flowexport: gRPC at {self.settings.host}:{bound}", flush=True)
        return grpc

    def is_ready(self) -> bool:
        """Whether more requests are wanted."""
        return self.registry.ready and not self.stopping

    def stop(self) -> None:
        """Says at once that it is not ready, so that nothing new is sent here; the second time it waits no longer."""
        if self.stopping:
            for connection in list(self.connections):
                connection.transport.abort()
            self.draining = True
        self.stopping = True
        self.stopped.set()

    def reload(self) -> None:
        """Loads every bundle anew."""
        for served in self.registry.served.values():
            if served.model is not None:
                self.replace(served)

    def replace(self, served: Served) -> None:
        """Loads a bundle beside the one that serves, proves it, and takes it; or keeps the old one, and says why."""
        if served.name not in self._reloading:
            self._reloading.add(served.name)
            task = self.loop.create_task(self._replace(served))
            task.add_done_callback(lambda done: self._reloading.discard(served.name))

    async def _replace(self, served: Served) -> None:
        try:
            model = await self.loop.run_in_executor(None, self.registry.opened, served.path)
        except Exception as error:
            served.reason = fault_line(error)
            say(f"{served.name}: the bundle that was loaded before is kept: {served.reason}")
            return
        self.registry.put(served, model)
        say(f"{served.name}: loaded and proved, digest {model.bundle.sha256[:12]}…")

    def _tick(self) -> None:
        """Looks at every clock."""
        now = self.loop.time()
        for connection in list(self.connections):
            connection.close_over(now)
        self.common_head = f"date: {formatdate(time.time(), usegmt=True)}\r\n".encode()
        for served, stamp in self.registry.changed():
            served.stamp = stamp
            self.replace(served)
        self.loop.call_later(TICK_SECONDS, self._tick)

    async def _finish(self) -> None:
        """Waits for what was accepted."""
        until = self.loop.time() + LAST_SECONDS
        while self.loop.time() < until:
            for connection in list(self.connections):
                if not connection.pending and not connection.fed:
                    connection.transport.close()
            if not self.connections:
                break
            await asyncio.sleep(0.02)
        for connection in list(self.connections):
            connection.transport.abort()
        self.batcher.close()


def say(line: str) -> None:
    """A line of the log."""
    print(f"flowexport: {line}", file=sys.stderr, flush=True)


def serve(settings: Settings) -> None:
    """Serves bundles until SIGTERM or Ctrl-C.

    Raises:
        FlowExportError: where a bundle cannot be served, or the address cannot be had.
    """
    import uvloop

    listener = bound(settings.host, settings.port)
    registry = Registry(settings)

    async def run() -> None:
        await Server(settings, registry).run(listener)

    uvloop.run(run())


def bound(host: str, port: int) -> socket.socket:
    """A socket at an address.

    Raises:
        ArgumentError: where the address cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise ArgumentError(f"{host}:{port}: cannot be listened at: {error.strerror or error}") from error
    return listener
