"""Who may ask: a token, and the origins whose pages a browser lets read the answers."""

from __future__ import annotations

__all__ = ["Access", "read_token"]

import hmac
from collections.abc import Mapping
from pathlib import Path

from flowexport.errors import ArgumentError

from .refusal import Refusal

OPEN = (b"/v2/health/live", b"/v2/health/ready")
"""What an orchestrator asks without a token."""

SHORTEST_TOKEN = 16
"""Characters: what is shorter can be guessed."""

PREFLIGHT = (
    b"access-control-allow-methods: GET, HEAD, POST\r\n"
    b"access-control-allow-headers: authorization, content-type, content-encoding, "
    b"inference-header-content-length, x-request-id\r\naccess-control-max-age: 600\r\n"
)
EXPOSED = b"access-control-expose-headers: inference-header-content-length, x-request-id\r\n"


class Access:
    """The rules.

    Arguments:
        token: that every request but those of health must have; None: only loading and unloading cannot be had.
        origins: whose pages may read answers; ``*`` for all.
    """

    def __init__(self, token: bytes | None = None, origins: tuple[str, ...] = ()) -> None:
        self.token = token
        self.origins = frozenset(origin.encode() for origin in origins)

    def require(self, target: bytes, authorization: bytes | None) -> None:
        """Refuses a request without the token.

        Raises:
            Refusal: 401.
        """
        if self.token is not None and target not in OPEN and not self.is_token(authorization):
            raise Refusal(401, "no_token", "authorization: expected 'Bearer TOKEN', with the server's token")

    def require_operator(self) -> None:
        """Refuses to load and unload for whoever asks, where no token tells who may.

        Raises:
            Refusal: 403.
        """
        if self.token is None:
            raise Refusal(403, "not_allowed", "models are loaded and unloaded with a token only: --token-file")

    def is_token(self, authorization: bytes | None) -> bool:
        """Whether a header has the token; how long that takes says nothing of it."""
        scheme, _, given = (authorization or b"").partition(b" ")
        return hmac.compare_digest(given.strip(), self.token or b"") and scheme.lower() == b"bearer"

    def headers(self, headers: Mapping[bytes, bytes]) -> bytes:
        """Lines for a browser, where the page that asks may read the answer."""
        origin = headers.get(b"origin")
        if origin is None or not (b"*" in self.origins or origin in self.origins):
            return b""
        return b"access-control-allow-origin: %b\r\nvary: origin\r\n%b" % (origin, EXPOSED)


def read_token(path: Path) -> bytes:
    """The token in a file, without the end of its line.

    Raises:
        ArgumentError: where there is none.
    """
    try:
        token = path.read_bytes().strip()
    except OSError as error:
        raise ArgumentError(f"cannot be read: {error.strerror}", file=path) from error
    if len(token) < SHORTEST_TOKEN or not token.isascii() or any(byte <= 32 for byte in token):
        raise ArgumentError(f"expected a token of at least {SHORTEST_TOKEN} characters without spaces", file=path)
    return token
