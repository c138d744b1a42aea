"""Addresses and what they answer: the surface of the Open Inference Protocol, and what operates a server."""

from __future__ import annotations

__all__ = ["Routes"]

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from .answer import reply_of
from .batching import Batcher, Waiting
from .encoding import decoded
from .endpoint import VERSION
from .http import Exchange
from .messages import read_inference, write_json
from .refusal import Refusal, refusal_of
from .registry import Registry

EXTENSIONS = ["binary_tensor_data", "parameters"]


class Routes:
    """Answers requests.

    Arguments:
        registry: of what is served.
        batcher: that runs it.
        is_ready: whether the server wants more requests.
    """

    def __init__(self, registry: Registry, batcher: Batcher, is_ready: Callable[[], bool]) -> None:
        self.registry, self.batcher, self.is_ready = registry, batcher, is_ready

    def handle(self, exchange: Exchange) -> None:
        """Answers a request, now or once its batch has run; whatever it is, it gets an answer."""
        try:
            target = exchange.target.partition(b"?")[0]
            if target.endswith(b"/infer"):
                self.infer(exchange, target)
            else:
                self.other(exchange, target)
        except Exception as error:
            exchange.refuse(refusal_of(error))

    def infer(self, exchange: Exchange, target: bytes) -> None:
        """Puts a request into the queue."""
        if exchange.method != b"POST":
            raise not_allowed(b"POST")
        parts = parts_of(target)
        match parts:
            case ["v2", "models", name, "infer"]:
                endpoint = self.registry.endpoint(name)
            case ["v2", "models", name, "versions", version, "infer"]:
                endpoint = self.registry.endpoint(name, version)
            case _:
                raise unknown(target)
        limits = endpoint.limits
        body = exchange.body
        encoding = exchange.headers.get(b"content-encoding")
        if encoding is not None:
            body = decoded(body, encoding, limits.body_bytes)
        size = exchange.headers.get(b"inference-header-content-length")
        json_size = None if size is None else json_size_of(size, len(body))
        if (len(body) if json_size is None else json_size) > limits.json_bytes:
            raise Refusal(
                413, "too_large", f"JSON of more than {limits.json_bytes:,} bytes; send the numbers in binary"
            )
        request = read_inference(body, json_size)
        reply = reply_of(endpoint, request, exchange)
        self.batcher.add(Waiting(endpoint, reply.work, reply.done, exchange.refuse))

    def other(self, exchange: Exchange, target: bytes) -> None:
        """Everything but inference."""
        method = exchange.method
        parts = parts_of(target)
        if parts[:1] != ["v2"]:
            raise unknown(target)
        if method not in (b"GET", b"HEAD"):
            raise not_allowed(b"GET")
        status, document = self.document(parts, target)
        exchange.send(status, write_json(document))

    def document(self, parts: list[str], target: bytes) -> tuple[int, Any]:
        """What a GET of an address under /v2 says."""
        match parts[1:]:
            case []:
                return 200, {"name": "flowexport", "version": self.registry.settings.version, "extensions": EXTENSIONS}
            case ["health", "live"]:
                return 200, {"live": True}
            case ["health", "ready"]:
                ready = self.is_ready()
                return (200 if ready else 503), {"ready": ready}
            case ["models"]:
                return 200, {"models": list(self.registry.endpoints)}
            case ["models", name]:
                return 200, self.registry.endpoint(name).metadata()
            case ["models", name, "versions", version]:
                return 200, self.registry.endpoint(name, version).metadata()
            case ["models", name, "ready"]:
                return self.model_ready(name, VERSION)
            case ["models", name, "versions", version, "ready"]:
                return self.model_ready(name, version)
        raise unknown(target)

    def model_ready(self, name: str, version: str) -> tuple[int, Any]:
        """Whether a model is loaded and wanted."""
        self.registry.endpoint(name, version)
        ready = self.is_ready()
        return (200 if ready else 503), {"name": name, "ready": ready}


def parts_of(target: bytes) -> list[str]:
    """The parts of a path, decoded."""
    return [unquote(part) for part in target.decode("latin-1").split("/")[1:] if part]


def json_size_of(value: bytes, most: int) -> int:
    """The header that says how much of a body is JSON."""
    if not value.isdigit() or len(value) > 10 or int(value) > most:
        found = value[:20].decode("latin-1")
        message = f"inference-header-content-length: {found!r} is no part of a body of {most} bytes"
        raise Refusal(400, "wrong_size", message)
    return int(value)


def unknown(target: bytes) -> Refusal:
    """There is nothing at an address."""
    return Refusal(404, "unknown_address", f"there is nothing at {target[:200].decode('latin-1')!r}")


def not_allowed(allowed: bytes) -> Refusal:
    """An address that takes another method."""
    return Refusal(405, "wrong_method", f"this address takes {allowed.decode()}")
