"""A server in a process of its own, as a user has it, on a free port."""

from __future__ import annotations

__all__ = ["Process", "raw", "served"]

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

START_SECONDS = 60.0


@dataclass
class Process:
    """A running server."""

    process: subprocess.Popen[str]
    port: int
    grpc_port: int = 0

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of one request over a connection of its own; what is no bytes is sent as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, data, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else None

    def infer(self, model: str, body: Any, **headers: str) -> tuple[int, Any]:
        """An inference in JSON."""
        return self.request("POST", f"/v2/models/{model}/infer", body, **headers)

    def stop(self) -> int:
        """The exit status after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextlib.contextmanager
def served(*arguments: str, wait: bool = True, stderr: IO[str] | None = None) -> Iterator[Process]:
    """``flowexport serve`` with arguments, answering; ``wait`` asks over plain HTTP whether it is ready."""
    words = [sys.executable, "-m", "flowexport", "serve", "--drain", "0", *arguments, "--port", "0", "--device", "cpu"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=stderr, text=True)
    try:
        assert process.stdout is not None
        ports = {}
        while "http" not in ports:
            line = process.stdout.readline()
            assert " at " in line, "the server ended before it listened"
            ports["grpc" if "gRPC" in line else "http"] = int(line.rsplit(":", 1)[1])
        server = Process(process, ports["http"], ports.get("grpc", 0))
        until = time.monotonic() + START_SECONDS
        while wait and server.request("GET", "/v2/health/ready")[0] != 200:
            assert time.monotonic() < until
            time.sleep(0.02)
        yield server
    finally:
        # A killed parent of workers would leave them.
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def raw(port: int, sent: bytes, seconds: float = 10.0) -> bytes:
    """What comes back for bytes, until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        client.sendall(sent)
        parts = []
        with contextlib.suppress(ConnectionError):
            while part := client.recv(65536):
                parts.append(part)
        return b"".join(parts)
