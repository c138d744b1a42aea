"""Ctrl-C while torch's exporter works: it waits until a graph is written.

The exporter runs Python from within C++ from within Python; an interruption inside comes out as whatever was going on,
with a page of tracebacks. A graph takes seconds, and whoever cannot wait sends the signal twice.
"""

from __future__ import annotations

__all__ = ["interrupts_later"]

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def interrupts_later() -> Iterator[None]:
    """The first signal that would stop the process does so behind the block, a second one at once.

    In another thread than the main one no signal ends a block, and nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Those that Python handles itself, by raising.
    numbers = [number for name in SIGNALS if (number := getattr(signal, name, None)) is not None]
    before = {number: handler for number in numbers if callable(handler := signal.getsignal(number))}
    came: list[tuple[int, FrameType | None]] = []

    def keep(number: int, frame: FrameType | None) -> None:
        came.append((number, frame))
        if len(came) > 1:
            before[number](number, frame)

    for number in before:
        signal.signal(number, keep)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        before[came[0][0]](*came[0])
