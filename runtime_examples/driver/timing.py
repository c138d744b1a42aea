"""``bench``: how long a call takes, measured in the program itself."""

from __future__ import annotations

__all__ = ["medians"]

from array import array
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from time import perf_counter

from .arrays import Array
from .bundle import Bundle
from .program import Program

WARM_SECONDS, SECONDS = 0.1, 0.5
FEWEST_CALLS = 20


def medians(program: Program, bundle: Bundle) -> Iterator[tuple[str, int, float]]:
    """Graph, rows and the microseconds of a call, the median over half a second."""
    width = len(bundle.context)
    # Zero is a context, and a code, that every model takes.
    context = Array.of(bundle.kind, (width,), [0.0] * width) if width else None
    for rows in (1, 1000):
        x = program.sample(rows, 0, 0, 1.0, context)
        shaped = Array(x.kind, (rows, *bundle.event_shape), x.values)
        yield "log_prob", rows, median_of(partial(program.time_log_prob, x=shaped, context=context))
        yield "sample", rows, median_of(partial(program.time_sample, rows=rows, context=context))


def median_of(time: Callable[[int], array[float]]) -> float:
    """The median of calls, warm."""
    calls, spent, end = FEWEST_CALLS, 0.0, perf_counter() + WARM_SECONDS
    while perf_counter() < end:
        spent = sum(time(calls)) / calls
    return median(time(max(FEWEST_CALLS, int(SECONDS * 1e6 / max(spent, 1.0)))))
