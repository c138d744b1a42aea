"""HTTP/1.1 on an `asyncio.Protocol`: bytes to requests and answers to bytes, within deadlines and limits.

What comes is never waited for without an end: a head, a body, the time between requests and a client that does not
read each have a deadline, and one clock for all connections closes what is over it.
"""

from __future__ import annotations

__all__ = ["Connection", "Exchange", "Host"]

import asyncio
import time
from collections import deque
from http import HTTPStatus
from typing import Protocol

import httptools

from .messages import write_json
from .refusal import Refusal
from .settings import Limits

NEVER = float("inf")
LINGER_SECONDS = 2.0
"""So long what a refused client still sends is read and dropped: a connection reset would take its answer away."""

PIPELINED = 64
"""Requests of one connection that may wait for answers before it is read on."""

KNOWN = frozenset(
    (
        b"accept-encoding authorization content-encoding content-length expect "
        b"inference-header-content-length origin transfer-encoding x-request-id access-control-request-method"
    ).split()
)
"""Headers that something is done with; others are only counted."""

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
JSON = b"application/json"


def head_of(status: int, content_type: bytes) -> bytes:
    """The head of an answer, up to the length of its body."""
    return b"%bcontent-type: %b\r\ncontent-length: " % (STATUS_LINES[status], content_type)


PLAIN_HEAD = head_of(200, JSON)
"""Of nearly every answer, so that it is made once."""

ORIGIN, REQUEST_ID = b"origin", b"x-request-id"
"""Headers of a request that its answer has to do with."""


class Host(Protocol):
    """What a connection needs of its server."""

    limits: Limits
    connections: set[Connection]
    draining: bool
    log_requests: bool
    common_head: bytes
    held_bytes: int
    """Of bodies that are here, in part or waiting for an answer."""

    def handle(self, exchange: Exchange) -> None:
        """Answers a request, now or later, by `Exchange.send`."""

    def refused(self, refusal: Refusal, exchange: Exchange) -> None:
        """Takes note of a request that is refused."""

    def log_request(self, exchange: Exchange, size: int) -> None:
        """Says that a request was answered, with so many bytes."""

    def more_headers(self, exchange: Exchange) -> bytes:
        """Header lines that an answer has for what its request had."""


class Exchange:
    """A request, whole, and where its answer goes."""

    __slots__ = (
        "answer",
        "began",
        "body",
        "close",
        "connection",
        "endpoint",
        "headers",
        "held",
        "method",
        "status",
        "target",
    )

    def __init__(
        self,
        connection: Connection,
        method: bytes,
        target: bytes,
        headers: dict[bytes, bytes],
        body: bytes,
        held: int,
        close: bool,
    ) -> None:
        self.connection, self.method, self.target = connection, method, target
        self.headers, self.body, self.held, self.close = headers, body, held, close
        self.began = time.perf_counter()
        self.answer: bytes | None = None
        self.status = 0
        self.endpoint: int | None = None

    def send(self, status: int, body: bytes, content_type: bytes = JSON, more: bytes = b"") -> None:
        """Answers it. ``more`` are header lines, each with its end."""
        if self.answer is not None:
            return
        self.status = status
        host = self.connection.host
        if host.draining:
            self.close = True
        if ORIGIN in self.headers or REQUEST_ID in self.headers:
            more += host.more_headers(self)
        if self.close:
            more += b"connection: close\r\n"
        sent = b"" if self.method == b"HEAD" else body
        head = PLAIN_HEAD if status == 200 and content_type is JSON else head_of(status, content_type)
        self.answer = b"%b%d\r\n%b%b\r\n%b" % (head, len(body), host.common_head, more, sent)
        if host.log_requests:
            host.log_request(self, len(body))
        self.connection.flush()

    def refuse(self, refusal: Refusal, more: bytes = b"") -> None:
        """Answers with what is wrong."""
        if refusal.status == 503:
            more += b"retry-after: 1\r\n"
        elif refusal.status == 401:
            more += b"www-authenticate: Bearer\r\n"
        self.connection.host.refused(refusal, self)
        self.send(refusal.status, write_json(refusal.fields()), more=more)


class Connection(asyncio.Protocol):
    """One client. Answers go out in the order that its requests came in, whichever was ready first."""

    __slots__ = (
        "body", "body_size", "deadline", "ended", "fed", "head_size", "headers", "host", "in_body", "limits", "loop",
        "parser", "paused", "pending", "target", "transport", "writing",
    )  # fmt: skip

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        self.host, self.limits, self.loop = host, host.limits, loop
        self.pending: deque[Exchange] = deque()
        self.parser = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.ended = self.paused = self.writing = self.in_body = False
        self.fed = 0
        self._forget()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.host.connections.add(self)
        self.deadline = self.loop.time() + self.limits.head_seconds
        if len(self.host.connections) > self.limits.connections:
            self.fail(Refusal(503, "busy", f"{self.limits.connections} connections are open already; try again"))

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True
        self.host.connections.discard(self)
        self._release()

    def data_received(self, data: bytes) -> None:
        if self.ended:
            return
        began = not self.fed
        self.fed += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._pass_over(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError as error:
            if not self.ended:
                self.fail(Refusal(400, "wrong_http", f"this is no HTTP request: {error}"))
            return
        if self.fed and not self.ended:
            self._await_rest(began)

    def eof_received(self) -> bool:
        # A client may have said all that it has to say, and still read.
        if not self.pending:
            return False
        self.pending[-1].close = True
        return True

    def pause_writing(self) -> None:
        self.writing = True
        self.deadline = self.loop.time() + self.limits.idle_seconds

    def resume_writing(self) -> None:
        self.writing = False
        if not (self.fed or self.ended):
            self.deadline = NEVER

    def on_message_begin(self) -> None:
        # Its first bytes may have come with the end of the request before it, which took them for its own.
        self.fed = self.fed or 1
        self._forget()

    def _forget(self) -> None:
        """Begins with nothing of a request."""
        self.target = b""
        self.headers: dict[bytes, bytes] = {}
        self.head_size = 0
        self.body: list[bytes] = []
        self.body_size = 0

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.head_size += len(name) + len(value) + 4
        name = name.lower()
        if name in KNOWN:
            self.headers[name] = value

    def on_headers_complete(self) -> None:
        if self.ended:
            return
        self.in_body = True
        if self.head_size + len(self.target) > self.limits.head_bytes:
            self.fail(Refusal(431, "too_large", f"the head is of more than {self.limits.head_bytes} bytes"))
            return
        if int(self.headers.get(b"content-length", 0)) > self.limits.body_bytes:
            self.fail(Refusal(413, "too_large", f"the body is of more than {self.limits.body_bytes:,} bytes"))
            return
        self.deadline = NEVER
        if self.headers.get(b"expect", b"").lower() == b"100-continue" and not self.pending:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        if self.ended:
            return
        self.body_size += len(data)
        self.host.held_bytes += len(data)
        if self.host.held_bytes > self.limits.held_bytes:
            self.fail(Refusal(503, "busy", "the bodies that are here already are as many bytes as may be"))
            return
        if self.body_size > self.limits.body_bytes:
            self.fail(Refusal(413, "too_large", f"the body is of more than {self.limits.body_bytes:,} bytes"))
            return
        self.body.append(data)

    def on_message_complete(self) -> None:
        if self.ended or self.parser.should_upgrade():
            return
        self.in_body = False
        self.fed = 0
        self.deadline = NEVER
        body = self.body[0] if len(self.body) == 1 else b"".join(self.body)
        close = not self.parser.should_keep_alive()
        exchange = Exchange(self, self.parser.get_method(), self.target, self.headers, body, self.body_size, close)
        self.body_size = 0
        self.pending.append(exchange)
        if close:
            self.ended = True
        if len(self.pending) == PIPELINED:
            self.paused = True
            self.transport.pause_reading()
        self.host.handle(exchange)

    def flush(self) -> None:
        """Writes the answers that are ready, up to the first that is not."""
        pending = self.pending
        while pending and (answer := pending[0].answer) is not None:
            exchange = pending.popleft()
            self.host.held_bytes -= exchange.held
            if self.transport.is_closing():
                continue
            self.transport.write(answer)
            if exchange.close:
                self._close()
                return
        if self.paused and len(pending) < PIPELINED:
            self.paused = False
            self.transport.resume_reading()

    def fail(self, refusal: Refusal) -> None:
        """Refuses what came, after the answers that are due, and ends the connection."""
        self.ended = True
        exchange = Exchange(self, b"", b"", {}, b"", 0, True)
        self.pending.append(exchange)
        exchange.refuse(refusal)

    def _await_rest(self, began: bool) -> None:
        """Bounds what is to come of a request that is half here: most come whole, and need no deadline.

        Arguments:
            began: whether its first bytes came just now.
        """
        if self.in_body:
            if self.deadline == NEVER:  # as the end of the head left it
                self.deadline = self.loop.time() + self.limits.body_seconds
        elif self.fed > self.limits.head_bytes:
            self.fail(Refusal(431, "too_large", f"the head is of more than {self.limits.head_bytes} bytes"))
        elif began or self.deadline == NEVER:
            self.deadline = self.loop.time() + self.limits.head_seconds

    def _pass_over(self, rest: bytes) -> None:
        """Reads a request as if it had no wish for another protocol, which need not be granted.

        Java's client asks every server for HTTP/2 so, and the parser then ends at the head: it is read once more.
        """
        if self.ended:
            return
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.fail(Refusal(405, "wrong_method", "this server is no proxy"))
            return
        lines = [b"%b %b HTTP/1.1" % (method, self.target)]
        lines += [b"%b: %b" % header for header in self.headers.items()]
        self.parser = httptools.HttpRequestParser(self)
        self.fed = 0
        self.data_received(b"\r\n".join([*lines, b"", rest]))

    def _close(self) -> None:
        """Ends the connection: nothing more is answered; what comes is dropped for a while."""
        self.ended = True
        self._release()
        if self.in_body and self.transport.can_write_eof():
            self.deadline = self.loop.time() + LINGER_SECONDS
            self.transport.write_eof()
        else:
            self.deadline = self.loop.time() + self.limits.idle_seconds
            self.transport.close()

    def _release(self) -> None:
        """Lets go of all that it holds: nothing more is answered."""
        self.host.held_bytes -= self.body_size + sum(exchange.held for exchange in self.pending)
        self.body_size = 0
        self.body = []
        self.pending.clear()

    def close_over(self, now: float) -> None:
        """Ends it where its deadline is over: with a refusal where a request was half here.

        One on which nothing is due has a deadline from the first time that it is found so: to set the clock at every
        answer would cost more than what it tells.
        """
        if self.deadline == NEVER and not (self.pending or self.fed or self.ended):
            self.deadline = now + self.limits.idle_seconds
        if now < self.deadline:
            return
        if self.ended or self.writing or not self.fed:
            self.transport.abort()
            return
        part = "body" if self.in_body else "head"
        self.fail(Refusal(408, "too_slow", f"the {part} of the request took too long"))
