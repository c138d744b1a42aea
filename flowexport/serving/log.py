"""What the server says while it runs, on standard error: a line, or a JSON document a line."""

from __future__ import annotations

__all__ = ["Log", "request_id_of"]

import json
import re
import secrets
import sys
import time

PLAIN_ID = re.compile(rb"[\x21-\x7e]{1,128}")
"""A client's own id is taken into the log where it can do no harm there."""


class Log:
    """Says things.

    Arguments:
        as_json: whether each is a JSON document.
        requests: whether every request is said.
    """

    def __init__(self, as_json: bool = False, requests: bool = False) -> None:
        self.as_json, self.requests = as_json, requests

    def say(self, event: str, message: str, **fields: object) -> None:
        """One event: what a person reads, and what a program does."""
        if self.as_json:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now := time.time())) + f".{int(now % 1 * 1e6):06d}Z"
            line = json.dumps({"time": stamp, "event": event, "message": message} | fields, ensure_ascii=False)
        else:
            line = f"flowexport: {message}"
        print(line, file=sys.stderr, flush=True)


def request_id_of(given: bytes | None) -> str:
    """The id of a request: the client's, where it has sent one that is plain, or a new one."""
    if given is not None and PLAIN_ID.fullmatch(given):
        return given.decode("ascii")
    return secrets.token_hex(8)
