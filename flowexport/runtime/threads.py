"""Work in several threads of this process at once, which Ctrl-C can stop at any step.

`concurrent.futures` loses a thread that Ctrl-C meets while it is being started, and then waits for it at the end of
the process for ever. These threads end with the process, and what they do is counted by themselves: an exception of a
signal comes in the main thread alone.
"""

from __future__ import annotations

__all__ = ["together"]

import os
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

MOST_THREADS = max(64, os.cpu_count() or 1)
"""Of a process. Only so many are made as shares were ever waiting at a time."""


def together(shares: int, work: Callable[[int, threading.Event], None]) -> None:
    """Does ``work(share, stopped)`` for each share, the first in this thread.

    Where one fails, or Ctrl-C comes, ``stopped`` is set, no share is begun any more, and none is running when the
    exception is raised.
    """
    run = Run(shares - 1, work)
    try:
        for share in range(1, shares):
            threads().do(partial(run.share, share))
        work(0, run.stopped)
        run.wait()
    except BaseException:
        run.stop()
        raise


class Run:
    """The shares of a call that other threads do."""

    def __init__(self, shares: int, work: Callable[[int, threading.Event], None]) -> None:
        self.stopped = threading.Event()
        self._work = work
        self._changed = threading.Condition()
        self._left = shares
        self._running = 0
        self._error: BaseException | None = None

    def share(self, number: int) -> None:
        with self._changed:
            if self.stopped.is_set():
                return
            self._running += 1
        try:
            self._work(number, self.stopped)
        except BaseException as error:
            self._error = error
            self.stopped.set()
        with self._changed:
            self._running -= 1
            self._left -= 1
            self._changed.notify()

    def wait(self) -> None:
        """Until all are done, or one has failed."""
        with self._changed:
            self._changed.wait_for(lambda: self._left == 0 or self._error is not None)
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Until none is running, and none will."""
        self.stopped.set()
        with self._changed:
            self._changed.wait_for(lambda: self._running == 0)


class Threads:
    """Threads that wait for work, made when there is more of it than they are."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._made = 0

    def do(self, work: Callable[[], None]) -> None:
        self._waiting.put(work)
        if not self._idle.acquire(blocking=False) and self._made < MOST_THREADS:
            self._made += 1
            threading.Thread(target=self._serve, name=f"flowexport_{self._made}", daemon=True).start()

    def _serve(self) -> None:
        while True:
            self._waiting.get()()
            self._idle.release()


_threads: Threads | None = None


def threads() -> Threads:
    """Those of this process, which all models share."""
    global _threads
    if _threads is None:
        _threads = Threads()
    return _threads


def _forget() -> None:
    """A forked child has none of its parent's threads."""
    global _threads
    _threads = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
