"""What a server is told: where it listens, and how much of anything it takes."""

from __future__ import annotations

__all__ = ["Limits", "Settings"]

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Limits:
    """The most of everything that a client can ask for; beyond it a request is refused, and nothing is allocated.

    Arguments:
        head_seconds: from the first byte of a request to the end of its headers; a TLS handshake has as long.
        body_seconds: from there to the end of its body.
        idle_seconds: between requests, and for a client to take what is written to it.
        head_bytes: of the request line and all headers.
        body_bytes: of a body, as sent and once decompressed; of an answer's numbers too.
        held_bytes: of all bodies that are here at a time, in part or waiting for an answer.
        json_bytes: of the JSON in a body: it is read at one go, 10 ms for each MiB.
        rows: of one request.
        queued_rows: that wait at a time.
        connections: at a time.
        batch_rows: that run together, of several requests.
    """

    head_seconds: float = 10.0
    body_seconds: float = 60.0
    idle_seconds: float = 75.0
    head_bytes: int = 16 << 10
    body_bytes: int = 64 << 20
    held_bytes: int = 1 << 30
    json_bytes: int = 16 << 20
    rows: int = 1_000_000
    queued_rows: int = 2_000_000
    connections: int = 1024
    batch_rows: int = 1024


@dataclass(frozen=True)
class Settings:
    """A server's options.

    Arguments:
        bundles: folders, zips or names of zoo models; ``NAME=PATH`` serves one under another name.
        host, port: of HTTP; port 0 takes a free one.
        digests: that pin bundles: ``NAME=HEX``, or ``HEX`` where there is one bundle.
        device, engine: as for `flowexport.load`.
        threads: over blocks of rows of large requests; None takes as many as the process may run on.
        drain_seconds: requests are still taken after SIGTERM.
        limits: of everything.
        version: of the package.
        grpc_port: of gRPC; None for none.
        workers: processes.
        token_file: with the token that requests must have.
        tls_cert, tls_key: PEM files of TLS.
        origins: whose pages may read answers.
        log_json, log_requests: whether the log is JSON, and says every request.
    """

    bundles: tuple[str, ...]
    host: str = "127.0.0.1"
    port: int = 8000
    device: str = "auto"
    threads: int | None = None
    drain_seconds: float = 5.0
    limits: Limits = field(default_factory=Limits)
    version: str = ""
    grpc_port: int | None = None
    workers: int = 1
    token_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    origins: tuple[str, ...] = ()
    log_json: bool = False
    log_requests: bool = False
    engine: str = "auto"
    digests: tuple[str, ...] = ()
