"""The process around a verb: its standard streams, whatever they are, and the signals that end it."""

from __future__ import annotations

__all__ = ["Stopped", "prepare_streams", "reader_may_leave", "stop_if_asked", "stopped_by_signals"]

import codecs
import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

PLAIN = {
    "≤": "<=", "≥": ">=", "Δ": "d", "∂": "d", "∫": "integral ", "×": "x", "·": "*", "→": "->", "−": "-", "–": "-",
    "—": "-", "…": "...", "µ": "u", "μ": "u", "σ": "sigma", "─": "-", "│": "|", "“": '"', "”": '"', "’": "'",
}  # fmt: skip
"""What stands for a character in an encoding that has not got it."""


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Of a write, errors that come without a name."""

asked: list[int] = []
"""Signals that have come while a verb was at work."""


class Stopped(KeyboardInterrupt):
    """A signal that ends a program has come; the argument is its number."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP stop a verb as Ctrl-C does, so that it tidies up; one that is ignored stays so."""

    def stop(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        raise Stopped(number)

    asked.clear()

    before = {}
    in_main = threading.current_thread() is threading.main_thread()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if in_main and number and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_if_asked() -> None:
    """Stops a verb that a signal was to stop already.

    A library may pass over what a signal raises in it: pyarrow, for one, imports pandas where that is there, and takes
    whatever happens meanwhile for its absence.

    Raises:
        Stopped: where a signal has come.
    """
    if asked:
        raise Stopped(asked[0])


def prepare_streams() -> None:
    """A closed stream leads nowhere, and one in an old encoding takes what comes nearest to what it has not got."""
    codecs.register_error("flowexport-plain", in_plain)
    # In this order each takes the number of the one that was closed, and no file that is opened later does.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        elif mode == "w" and isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() not in ("utf-8", "utf8"):
            stream.reconfigure(errors="flowexport-plain")


def in_plain(error: UnicodeError) -> tuple[str, int]:
    """Text for characters that an encoding has not got."""
    assert isinstance(error, UnicodeEncodeError)
    missing = error.object[error.start : error.end]
    return "".join(PLAIN.get(character, "?") for character in missing), error.end


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """What is printed in the block goes nowhere once whoever read our output has had enough.

    Raises:
        OSError: with the name of our output, where that is what could not be written.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        with suppress(OSError, ValueError):
            # Python would complain once more while it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.filename is None and error.errno in FULL and output_is_full():
            raise OSError(error.errno, error.strerror, "standard output") from error
        raise


def output_is_full() -> bool:
    """Whether one more byte cannot be written to standard output."""
    try:
        os.write(sys.stdout.fileno(), b"\n")
    except (OSError, ValueError):
        return True
    return False
