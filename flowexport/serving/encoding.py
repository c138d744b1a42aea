"""Compressed bodies, never larger than they may be: a bomb is given up where it passes the limit."""

from __future__ import annotations

__all__ = ["decoded"]

import zlib

from .refusal import Refusal

WINDOWS = {
    b"gzip": (zlib.MAX_WBITS | 16,),
    b"x-gzip": (zlib.MAX_WBITS | 16,),
    b"deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),
}
"""The forms of each encoding: of ``deflate`` clients send that of RFC 9110, zlib's, and bare streams too."""


def decoded(body: bytes, encoding: bytes, most: int) -> bytes:
    """A body as it was before it was compressed.

    Arguments:
        body: as it was sent.
        encoding: the header.
        most: bytes that it may become.

    Raises:
        Refusal: for an encoding that is not known, a stream that is not whole, or one that becomes too large.
    """
    name = encoding.strip().lower()
    if name in (b"", b"identity"):
        return body
    if name not in WINDOWS:
        found = encoding[:40].decode("latin-1")
        raise Refusal(415, "wrong_encoding", f"content-encoding {found!r}: gzip, deflate and identity are taken")
    for window in WINDOWS[name]:
        stream = zlib.decompressobj(window)
        try:
            whole = stream.decompress(body, most + 1)
        except zlib.error:
            continue
        if len(whole) > most:
            raise Refusal(413, "too_large", f"the body is of more than {most:,} bytes once decompressed")
        if stream.eof and not stream.unused_data:
            return whole
    raise Refusal(400, "wrong_encoding", f"the body is not whole {name.decode()}")
