"""Starts a server: checks what it was told, binds its address, and runs it in one process or several."""

from __future__ import annotations

__all__ = ["serve"]

import dataclasses
import gc
import socket
import ssl
import sys

from flowexport.errors import ArgumentError, FlowExportError

from .access import Access, read_token
from .counters import Counters
from .registry import Registry, catalogue_of, endpoint_names, fault_line
from .settings import Settings
from .workers import run_workers


def serve(settings: Settings) -> int:
    """Serves bundles until SIGTERM or Ctrl-C.

    Returns:
        The exit status.

    Raises:
        FlowExportError: where a bundle cannot be served, or the address cannot be had.
    """
    catalogue = catalogue_of(settings.bundles)
    access = Access(None if settings.token_file is None else read_token(settings.token_file), settings.origins)
    tls = tls_context(settings)
    counters = Counters(endpoint_names(catalogue), list(catalogue), settings.workers)
    several = settings.workers > 1
    listener = bound(settings.host, settings.port, several)
    if not several:
        run(settings, catalogue, counters, access, tls, listener, True)
        return 0
    # The address is known before the workers are; what is bound and does not listen gets no connection.
    settings = dataclasses.replace(settings, port=listener.getsockname()[1])
    if settings.grpc_port == 0:
        with bound(settings.host, 0, False) as free:
            settings = dataclasses.replace(settings, grpc_port=free.getsockname()[1])

    def work(worker: int) -> int:
        counters.become(worker)
        try:
            own = bound(settings.host, settings.port, True)
            run(settings, catalogue, counters, access, tls, own, worker == 0)
        except Exception as error:
            print(f"flowexport: {fault_line(error)}", file=sys.stderr, flush=True)
            return error.exit_code if isinstance(error, FlowExportError) else 70
        return 0

    return run_workers(settings.workers, work, counters.started)


def run(
    settings: Settings,
    catalogue: dict[str, str],
    counters: Counters,
    access: Access,
    tls: ssl.SSLContext | None,
    listener: socket.socket,
    said: bool,
) -> None:
    """One process."""
    import uvloop

    from .server import Server

    registry = Registry(settings, catalogue)
    # What is there now stays: the collector need not look at it each time.
    gc.collect()
    gc.freeze()

    async def until_stopped() -> None:
        await Server(settings, registry, counters, access, tls).run(listener, said)

    counters.start()
    uvloop.run(until_stopped())


def bound(host: str, port: int, shared: bool) -> socket.socket:
    """A socket at an address.

    Arguments:
        host, port: the address.
        shared: whether other processes of this user may be bound to it too.

    Raises:
        ArgumentError: where the address cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
    except OSError as error:
        raise ArgumentError(f"{host}:{port}: cannot be listened at: {error.strerror or error}") from error
    return listener


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """The certificate and key that were named, or None.

    Raises:
        ArgumentError: where they are not a pair that can be used.
    """
    if settings.tls_cert is None and settings.tls_key is None:
        return None
    if settings.tls_cert is None or settings.tls_key is None:
        raise ArgumentError("--tls-cert and --tls-key go together")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise ArgumentError(f"{settings.tls_cert}, {settings.tls_key}: no certificate and key: {error}") from error
    return context
