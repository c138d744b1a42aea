"""``bench``: how long a call takes."""

from __future__ import annotations

__all__ = ["microseconds"]

import time
from collections.abc import Callable
from statistics import median

WARM_SECONDS = 0.1
SECONDS = 0.5
FEWEST_CALLS = 20


def microseconds(call: Callable[[], object]) -> float:
    """The median duration of a call, warm, over half a second and at least twenty calls."""
    clock = time.perf_counter
    end = clock() + WARM_SECONDS
    while clock() < end:
        call()
    durations: list[float] = []
    end = clock() + SECONDS
    while clock() < end or len(durations) < FEWEST_CALLS:
        start = clock()
        call()
        durations.append(clock() - start)
    return median(durations) * 1e6
