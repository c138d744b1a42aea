"""Times several ways to do one thing, side by side: warm, in turn, with a known number of threads."""

from __future__ import annotations

__all__ = ["Comparison", "Timing", "others_since", "pinned", "side_by_side", "usage"]

import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CALLS = 200
SECONDS = 2.0
"""A candidate is done after this many timed calls, or after this many seconds in them."""

FEWEST_CALLS = 5
"""A median of fewer says nothing, however long a call takes."""

FEWEST_TURNS = 20
TURN_SECONDS = 0.01
"""How long a turn lasts, and how many there are of calls so short that one turn holds hundreds: the machine
has other guests, whose visits last longer than a turn."""

WARM_SHARE = 0.2
"""Share of a turn's calls that is not counted: they bring back the caches that the others have emptied, so
that every candidate is measured as if it ran alone."""

WARM_SECONDS = 0.2
"""How long a candidate runs before the first turn, at least a call."""


@dataclass(frozen=True)
class Timing:
    """How long a call takes.

    Arguments:
        median, best: µs a call.
        calls: how many were timed.
    """

    median: float
    best: float
    calls: int


@dataclass(frozen=True)
class Comparison:
    """Candidates at one task.

    Arguments:
        task: what was done, column name → value.
        ours: which candidate the others are compared with.
        timings: candidate → its timing.
        others: processors that other processes kept busy meanwhile, or None where the system does not say.
    """

    task: dict[str, str | int]
    ours: str
    timings: dict[str, Timing]
    others: float | None

    def ratio(self, peer: str) -> float:
        """How many times as long the peer takes as ours, by the medians."""
        return self.timings[peer].median / self.timings[self.ours].median

    @property
    def peers(self) -> list[str]:
        """The candidates that are not ours."""
        return [name for name in self.timings if name != self.ours]


def side_by_side(
    candidates: Mapping[str, Callable[[], object]],
    calls: int = CALLS,
    seconds: float = SECONDS,
    fewest: int = FEWEST_CALLS,
    warm_seconds: float = WARM_SECONDS,
) -> dict[str, Timing]:
    """Times candidates in turn, A B A B, until each has had enough calls or enough time.

    Arguments:
        candidates: name → the call to time; none of them may depend on another.
        calls, seconds: a candidate is done after so many calls in at least `FEWEST_TURNS`, or so many seconds.
        fewest: calls that are timed however long they take.
        warm_seconds: for which each runs before the first turn, at least a call; 0 leaves that out.
    """
    durations: dict[str, list[int]] = {name: [] for name in candidates}
    waiting = dict(candidates)
    turns = 0
    collecting = gc.isenabled()
    gc.disable()
    # What torch has imported is kept out of the collections: they would take 0.3 s after every round.
    gc.freeze()
    try:
        for call in candidates.values():
            if warm_seconds:
                turn(call, warm_seconds)
        while waiting:
            turns += 1
            for name, call in list(waiting.items()):
                durations[name] += turn(call, TURN_SECONDS)
                done = len(durations[name])
                enough = done >= calls and turns >= FEWEST_TURNS
                if enough or (done >= fewest and sum(durations[name]) >= seconds * 1e9):
                    del waiting[name]
            gc.collect()
    finally:
        gc.unfreeze()
        if collecting:
            gc.enable()
    return {name: Timing(statistics.median(each) / 1e3, min(each) / 1e3, len(each)) for name, each in durations.items()}


def turn(call: Callable[[], object], seconds: float) -> list[int]:
    """The ns of each call of one turn of at least a call, those of its beginning left out."""
    clock = time.perf_counter_ns
    durations: list[int] = []
    end = clock() + int(seconds * 1e9)
    while not durations or clock() < end:
        start = clock()
        call()
        durations.append(clock() - start)
    return durations[int(WARM_SHARE * len(durations)) :]


@dataclass(frozen=True)
class Usage:
    """Seconds, at one moment: of the clock, of all processors at work, and of this process at work."""

    clock: float
    machine: float
    process: float


def usage() -> Usage | None:
    """What has been used so far; None where there is no /proc/stat."""
    try:
        user, nice, system = map(int, Path("/proc/stat").read_text().split()[1:4])
    except OSError:
        return None
    own = os.times()
    return Usage(time.perf_counter(), (user + nice + system) / os.sysconf("SC_CLK_TCK"), own.user + own.system)


def others_since(start: Usage | None) -> float | None:
    """Processors that other processes kept busy since then, on average."""
    now = usage()
    if start is None or now is None:
        return None
    busy = (now.machine - start.machine) - (now.process - start.process)
    return max(0.0, busy / (now.clock - start.clock))


@contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Holds torch, where it has been imported, to a number of threads and the process to as many processors.

    ONNX Runtime is told its threads when a session is made. Threads that exist already stay where they are.
    """
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(threads)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set()
    if allowed:
        os.sched_setaffinity(0, sorted(allowed)[:threads])
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(before)
        if allowed:
            os.sched_setaffinity(0, allowed)
