"""Addresses: which request is an inference, which asks for a document, and who may ask."""

from __future__ import annotations

__all__ = ["Routes"]

from collections.abc import Callable
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from .access import PREFLIGHT, Access
from .answer import Reply
from .batching import Batcher
from .encoding import decoded
from .endpoint import Endpoint
from .http import Exchange
from .messages import read_inference, read_json, write_json
from .metrics import metrics_text
from .pages import HEADERS as PAGE_HEADERS
from .pages import Pages
from .refusal import Refusal, refusal_of
from .surface import Surface, unknown

Change = Callable[[str, bool, Callable[[Refusal | None], None]], None]
"""Loads or unloads a bundle by its name, and says when that is done, or why it cannot be."""


class Routes:
    """Answers requests.

    Arguments:
        surface: of documents.
        batcher: that runs inferences.
        access: of who may ask.
        change: loads and unloads.
        pages: for a browser.
    """

    def __init__(self, surface: Surface, batcher: Batcher, access: Access, change: Change, pages: Pages) -> None:
        self.surface, self.batcher, self.access, self.change, self.pages = surface, batcher, access, change, pages
        self.registry = surface.registry

    def handle(self, exchange: Exchange) -> None:
        """Answers a request, now or once its batch has run; whatever it is, it gets an answer."""
        try:
            endpoint = self.registry.paths.get(exchange.target)
            if endpoint is not None and self.access.token is None and exchange.method == b"POST":
                self.infer(exchange, endpoint)
            else:
                self.dispatch(exchange)
        except Exception as error:
            exchange.refuse(refusal_of(error))

    def infer(self, exchange: Exchange, endpoint: Endpoint) -> None:
        """Puts a request into the queue."""
        exchange.endpoint = endpoint.index
        body, headers, limits = exchange.body, exchange.headers, endpoint.limits
        encoding = headers.get(b"content-encoding")
        if encoding is not None:
            body = decoded(body, encoding, limits.body_bytes)
        size = headers.get(b"inference-header-content-length")
        json_size = len(body) if size is None else json_size_of(size, len(body))
        if json_size > limits.json_bytes:
            message = f"JSON of more than {limits.json_bytes:,} bytes; send the numbers in binary"
            raise Refusal(413, "too_large", message)
        request = read_json(body) if size is None else read_inference(body, json_size)
        self.batcher.add(Reply(endpoint, request, exchange))

    def dispatch(self, exchange: Exchange) -> None:
        """Everything else."""
        target = exchange.target.partition(b"?")[0]
        if exchange.method == b"OPTIONS" and b"origin" in exchange.headers:
            # A browser asks without a token whether it may ask.
            exchange.send(204, b"", more=PREFLIGHT if self.access.headers(exchange.headers) else b"")
            return
        self.access.require(target, exchange.headers.get(b"authorization"))
        parts = [unquote(part) for part in target.decode("latin-1").split("/")[1:] if part]
        match parts:
            case ["v2", "models", name, "infer"]:
                require_method(exchange, b"POST")
                self.infer(exchange, self.registry.endpoint(name))
            case ["v2", "models", name, "versions", version, "infer"]:
                require_method(exchange, b"POST")
                self.infer(exchange, self.registry.endpoint(name, version))
            case ["v2", "repository", "index"]:
                require_method(exchange, b"POST")
                only_ready = asked(exchange).ready is True
                exchange.send(200, write_json(self.surface.index(only_ready)))
            case ["v2", "repository", "models", name, "load" | "unload" as verb]:
                require_method(exchange, b"POST")
                self.operate(exchange, name, verb == "load")
            case ["metrics"]:
                require_method(exchange, b"GET", b"HEAD")
                text, kind = metrics_text(self.surface.counters, self.registry)
                exchange.send(200, text, kind.encode())
            case _:
                self.show(exchange, target, parts)

    def show(self, exchange: Exchange, target: bytes, parts: list[str]) -> None:
        """A document, or a file of the page; without a page, what the server is stands at ``/``."""
        found = self.surface.document(parts)
        file = None if found is not None else self.pages.read(parts)
        if found is None and file is None and parts:
            raise unknown(target)
        require_method(exchange, b"GET", b"HEAD")
        if file is not None:
            exchange.send(200, file[0], file[1], PAGE_HEADERS)
        else:
            status, document = found or (200, self.surface.server())
            exchange.send(status, write_json(document))

    def operate(self, exchange: Exchange, name: str, load: bool) -> None:
        """Loads or unloads a bundle, both of its models; the answer comes when it is done."""
        self.access.require_operator()
        strangers = asked(exchange).parameters.keys() - {"unload_dependents"}
        if strangers:
            raise Refusal(400, "wrong_argument", f"parameters: {', '.join(strangers)}: a bundle is loaded as it is")

        def done(refusal: Refusal | None) -> None:
            if refusal is None:
                exchange.send(200, b"{}")
            else:
                exchange.refuse(refusal)

        self.change(name, load, done)


class Asked(Struct):
    """What a body may ask of the repository extension."""

    ready: object = None
    parameters: dict[str, object] = {}


def asked(exchange: Exchange) -> Asked:
    """The JSON object in a body; an empty body is an empty object.

    Raises:
        Refusal: for any other body.
    """
    try:
        return msgspec.json.decode(exchange.body or b"{}", type=Asked)
    except msgspec.ValidationError as error:
        raise Refusal(400, "wrong_request", "the body is not an object") from error
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "wrong_json", "the body is not JSON") from error


def require_method(exchange: Exchange, *allowed: bytes) -> None:
    """Refuses a request by another method.

    Raises:
        Refusal: 405.
    """
    if exchange.method not in allowed:
        raise Refusal(405, "wrong_method", f"this address takes {b', '.join(allowed).decode()}")


def json_size_of(value: bytes, most: int) -> int:
    """The header that says how much of a body is JSON.

    Raises:
        Refusal: where it is no number of bytes of the body.
    """
    if not value.isdigit() or len(value) > 10 or int(value) > most:
        found = value[:20].decode("latin-1")
        message = f"inference-header-content-length: {found!r} is no part of a body of {most} bytes"
        raise Refusal(400, "wrong_size", message)
    return int(value)
