"""Ports that nobody listens at."""

from __future__ import annotations

__all__ = ["free_ports"]

import socket
from contextlib import ExitStack


def free_ports(count: int) -> list[int]:
    """Different ports of this machine that are free now."""
    with ExitStack() as held:
        taken = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in taken]
