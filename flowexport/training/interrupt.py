"""Ctrl-C, kept until it is heard."""

__all__ = ["Interrupt", "heard"]

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Interrupt:
    """Whether Ctrl-C was pressed."""

    pressed: bool = False

    def check(self) -> None:
        """Raises the interrupt if there was one.

        Raises:
            KeyboardInterrupt: where it was pressed and nobody has heard.
        """
        if self.pressed:
            raise KeyboardInterrupt


@contextmanager
def heard() -> Iterator[Interrupt]:
    """Remembers Ctrl-C besides raising it.

    Python raises it wherever the program happens to be, and where that is a finaliser or a callback of a library, it
    is printed and forgotten: a long training would then go on to its end. Outside the main thread, where no signal
    arrives, it does nothing.
    """
    interrupt = Interrupt()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield interrupt
        return

    def press(number: int, frame: FrameType | None) -> None:
        interrupt.pressed = True
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, press)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
