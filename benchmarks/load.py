"""A load generator on the loopback: connections that ask again as soon as they are answered, or at a fixed rate."""

from __future__ import annotations

__all__ = ["Load", "cpu_seconds", "post", "run_closed", "run_grpc", "run_open"]

import asyncio
import os
import time
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

WARM_SECONDS = 0.3


class Load(NamedTuple):
    """What came of a load: answers a second, the server's CPU seconds an answer, and each latency, seconds."""

    rate: float
    cpu: float
    latencies: list[float]


class Client(asyncio.Protocol):
    """A connection. It asks for nothing but the length of an answer, so that it costs little beside the server."""

    def __init__(self, message: bytes, answered: deque[float]) -> None:
        self.message, self.answered = message, answered
        self.missing = 0
        self.due: float | None = None
        self.again = True

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.again:
            self.ask(time.perf_counter())

    def ask(self, due: float) -> None:
        """Sends the request; its latency counts from when it was due."""
        self.due = due
        self.transport.write(self.message)

    def data_received(self, data: bytes) -> None:
        if not self.missing:
            end = data.index(b"\r\n\r\n") + 4
            head = data[:end].lower()
            if not head.startswith(b"http/1.1 200"):
                raise AssertionError(data[:500])
            self.missing = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]) - len(data) + end
        else:
            self.missing -= len(data)
        if self.missing == 0:
            now = time.perf_counter()
            if self.due is not None:
                self.answered.append(now - self.due)
            self.due = None
            if self.again:
                self.ask(now)


def run_closed(port: int, pid: int, message: bytes, connections: int, seconds: float) -> Load:
    """So many connections, each of which asks again at once."""

    async def run() -> Load:
        answered: deque[float] = deque()
        loop = asyncio.get_running_loop()
        clients = [
            (await loop.create_connection(lambda: Client(message, answered), "127.0.0.1", port))[1]
            for _ in range(connections)
        ]
        await asyncio.sleep(WARM_SECONDS)
        answered.clear()
        began, cpu = time.perf_counter(), cpu_seconds(pid)
        await asyncio.sleep(seconds)
        found = list(answered)
        elapsed, used = time.perf_counter() - began, cpu_seconds(pid) - cpu
        for client in clients:
            client.transport.abort()
        return Load(len(found) / elapsed, used / max(len(found), 1), found)

    return uvloop.run(run())


def run_open(port: int, message: bytes, rate: float, seconds: float, connections: int = 64) -> list[float]:
    """Requests at a fixed rate, whether answers come or not; the latency of each from when it was due, seconds."""

    async def run() -> list[float]:
        answered: deque[float] = deque()
        loop = asyncio.get_running_loop()
        clients = []
        for _ in range(connections):
            client = Client(message, answered)
            client.again = False
            await loop.create_connection(lambda client=client: client, "127.0.0.1", port)
            clients.append(client)
        began, sent, total = time.perf_counter(), 0, int(rate * seconds)
        while sent < total:
            now = time.perf_counter()
            free = [client for client in clients if client.due is None]
            while sent < total and began + sent / rate <= now and free:
                free.pop().ask(began + sent / rate)
                sent += 1
            await asyncio.sleep(0.0002)
            if now - began > 3 * seconds:
                break
        await asyncio.sleep(0.2)
        for client in clients:
            client.transport.abort()
        return list(answered) if sent == total else []

    return uvloop.run(run())


def run_grpc(port: int, pid: int, method: str, message: bytes, calls: int, seconds: float) -> Load:
    """So many calls at a time over one channel of grpc.aio."""
    import grpc.aio

    async def run() -> Load:
        latencies: list[float] = []
        until = time.perf_counter() + WARM_SECONDS
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary(method)

            async def ask() -> None:
                while (began := time.perf_counter()) < until:
                    await call(message)
                    latencies.append(time.perf_counter() - began)

            await asyncio.gather(*(ask() for _ in range(calls)))
            latencies.clear()
            began, cpu = time.perf_counter(), cpu_seconds(pid)
            until = began + seconds
            await asyncio.gather(*(ask() for _ in range(calls)))
            elapsed, used = time.perf_counter() - began, cpu_seconds(pid) - cpu
        return Load(len(latencies) / elapsed, used / max(len(latencies), 1), latencies)

    return asyncio.run(run())


def cpu_seconds(pid: int) -> float:
    """Seconds of processor that a process has had, user and system, in steps of a hundredth."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A request, whole."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body
