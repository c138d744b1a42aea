"""One process that serves: sockets, signals and clocks around what answers."""

from __future__ import annotations

__all__ = ["Server"]

import asyncio
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING

from flowexport.page import page_folder

from .access import Access
from .batching import Batcher
from .counters import Counters
from .http import Connection, Exchange
from .loading import Loading
from .log import Log, request_id_of
from .pages import Pages
from .refusal import Refusal
from .registry import Registry
from .routes import Routes
from .settings import Settings
from .surface import Surface

if TYPE_CHECKING:
    from .grpc import GrpcServer

TICK_SECONDS = 0.25
"""How often deadlines, the date and the bundles' files are looked at."""

LAST_SECONDS = 30.0
"""What was accepted before the end has so long to be finished."""


class Server:
    """The host of all connections.

    Arguments:
        settings: of it.
        registry: of what it serves.
        counters: of its worker.
        access: of who may ask.
        tls: the context of TLS, or None.
    """

    def __init__(
        self, settings: Settings, registry: Registry, counters: Counters, access: Access, tls: ssl.SSLContext | None
    ) -> None:
        self.settings, self.limits, self.registry, self.counters = settings, settings.limits, registry, counters
        self.access, self.tls = access, tls
        self.connections: set[Connection] = set()
        self.draining = self.stopping = False
        self.common_head = b""
        self.held_bytes = 0
        self.log = Log(settings.log_json, settings.log_requests)
        self.log_requests = settings.log_requests
        self.loop = asyncio.get_running_loop()
        self.batcher = Batcher(settings.limits, settings.threads or 2, counters)
        self.loading = Loading(registry, counters, self.log)
        self.surface = Surface(registry, counters, self.is_ready)
        routes = Routes(self.surface, self.batcher, access, self.loading.change, Pages(page_folder(), registry))
        self.handle: Callable[[Exchange], None] = routes.handle
        self.stopped = asyncio.Event()

    async def run(self, listener: socket.socket, said: bool) -> None:
        """Serves until it is told to stop, and then until what was accepted is answered.

        Arguments:
            listener: bound.
            said: whether its address is printed.
        """
        for name in ("SIGTERM", "SIGINT"):
            self.loop.add_signal_handler(getattr(signal, name), self.stop)
        self.loop.add_signal_handler(signal.SIGHUP, self.loading.reload)
        self._tick()
        grpc = None
        if self.settings.grpc_port is not None:
            grpc = await self._start_grpc(self.settings.grpc_port, said)
        server = await self.loop.create_server(
            lambda: Connection(self, self.loop),
            sock=listener,
            backlog=1024,
            ssl=self.tls,
            ssl_handshake_timeout=None if self.tls is None else self.limits.head_seconds,
        )
        if said:
            host, port = listener.getsockname()[:2]
            where = f"http{'s' if self.tls else ''}://{f'[{host}]' if ':' in host else host}:{port}"
            print(f"flowexport: serving {', '.join(self.registry.endpoints)} at {where}", flush=True)
        await self.stopped.wait()
        self.log.say(
            "stop", f"stopping; requests are taken for {self.settings.drain_seconds:g} s more", pid=os.getpid()
        )
        await asyncio.sleep(self.settings.drain_seconds)
        self.draining = True
        server.close()
        if grpc is not None:
            await grpc.stop(LAST_SECONDS)
        await self._finish()

    def is_ready(self) -> bool:
        """Whether more requests are wanted."""
        return self.loading.settled and not self.stopping

    def stop(self) -> None:
        """Says at once that it is not ready, so that nothing new is sent here; the second time it waits no longer."""
        if self.stopping:
            os._exit(128 + signal.SIGTERM)
        self.stopping = True
        self.stopped.set()

    def refused(self, refusal: Refusal, exchange: Exchange) -> None:
        """Takes note of a request that is refused; one that the server is at fault for is said."""
        self.counters.refused(refusal.code, exchange.endpoint)
        if refusal.status == 500:
            self.log.say("fault", str(refusal), request_id=self._id_of(exchange))

    def log_request(self, exchange: Exchange, size: int) -> None:
        """Says that a request was answered."""
        milliseconds = (time.perf_counter() - exchange.began) * 1000
        method, target = exchange.method.decode(), exchange.target[:200].decode("latin-1")
        self.log.say(
            "request",
            f"{method} {target} {exchange.status} {size} bytes {milliseconds:.3f} ms",
            request_id=self._id_of(exchange),
            method=method,
            target=target,
            status=exchange.status,
            bytes=size,
            milliseconds=round(milliseconds, 3),
        )

    def more_headers(self, exchange: Exchange) -> bytes:
        """Header lines that an answer has for what its request had."""
        lines = self.access.headers(exchange.headers)
        if b"x-request-id" in exchange.headers:
            lines += b"x-request-id: %b\r\n" % self._id_of(exchange).encode()
        return lines

    def _id_of(self, exchange: Exchange) -> str:
        """The id of a request, the same whenever it is asked."""
        found = request_id_of(exchange.headers.get(b"x-request-id"))
        exchange.headers[b"x-request-id"] = found.encode()
        return found

    async def _start_grpc(self, port: int, said: bool) -> GrpcServer:
        """The service over gRPC, imported where it is asked for: it takes a tenth of a second and 10 MiB."""
        from .grpc import GrpcServer

        grpc = GrpcServer(self.surface, self.batcher, self.access, self.loading.change)
        bound = await grpc.start(self.settings, port)
        if said:
            print(f"flowexport: gRPC at {self.settings.host}:{bound}", flush=True)
        return grpc

    def _tick(self) -> None:
        """Looks at every clock."""
        now = self.loop.time()
        for connection in list(self.connections):
            connection.close_over(now)
        self.common_head = f"date: {formatdate(time.time(), usegmt=True)}\r\n".encode()
        self.counters.gauge(len(self.connections), self.batcher.queued, self.batcher.queued_rows)
        self.loading.look()
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
