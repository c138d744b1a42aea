"""Several processes at one address: the system hands each new connection to one of them (SO_REUSEPORT)."""

from __future__ import annotations

__all__ = ["run_workers"]

import os
import signal
import sys
import time
from collections.abc import Callable

RESTART_SECONDS = 1.0
"""A worker that ended sooner than this after its start is not started again at once."""

HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def run_workers(count: int, work: Callable[[int], int], started: Callable[[int], bool]) -> int:
    """Forks workers, starts anew those that end by accident, and hands on signals.

    Arguments:
        count: of them.
        work: what each does, by its number; its exit status.
        started: whether a worker has ever served. One that ends before fails for a reason that would come again.

    Returns:
        The exit status: that of a worker that could not start, or 0.
    """
    running: dict[int, tuple[int, float]] = {}
    stopping = False

    def start(worker: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        process = os.fork()
        if process == 0:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDED_ON)
            os._exit(work(worker))
        running[process] = (worker, time.monotonic())

    def hand_on(number: int, frame: object) -> None:
        nonlocal stopping
        stopping = stopping or number != signal.SIGHUP
        for process in list(running):
            os.kill(process, number)

    # No signal comes between a fork and the note of it.
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDED_ON)
    for worker in range(count):
        start(worker)
    for number in HANDED_ON:
        signal.signal(number, hand_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDED_ON)
    failed = 0
    while running:
        process, status = os.wait()
        worker, since = running.pop(process, (0, 0.0))
        code = os.waitstatus_to_exitcode(status)
        if stopping:
            continue
        if not started(worker):
            failed, stopping = code or 1, True
            for other in running:
                os.kill(other, signal.SIGTERM)
            continue
        time.sleep(max(0.0, RESTART_SECONDS - (time.monotonic() - since)))
        if not stopping:
            signal.pthread_sigmask(signal.SIG_BLOCK, HANDED_ON)
            start(worker)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDED_ON)
    return failed
