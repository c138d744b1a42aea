"""``bench``: how long a call takes, measured in the program itself."""

from __future__ import annotations

__all__ = ["medians"]

from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import cycle, islice
from statistics import median
from time import perf_counter

from .arrays import Array
from .bundle import Bundle
from .errors import Failure
from .golden import read_inputs
from .program import Program

WARM_SECONDS, SECONDS = 0.1, 0.5
FEWEST_CALLS = 20


def medians(program: Program, bundle: Bundle) -> Iterator[tuple[str, int, float]]:
    """Graph, rows and the microseconds of a call, the median over half a second."""
    context = bundle.zeros()
    for rows in (1, 1000):
        for graph in bundle.graphs:
            if graph == "log_prob":
                x = rows_of(program, bundle, rows, context)
                yield graph, rows, median_of(partial(program.time_log_prob, x=x, context=context))
            else:
                yield graph, rows, median_of(partial(program.time_sample, rows=rows, context=context))


def rows_of(program: Program, bundle: Bundle, rows: int, context: Array | None) -> Array:
    """So many samples, or golden rows, one after the other and again, of a bundle that draws none."""
    if "sample" in bundle.graphs:
        x: Iterable[float] = program.sample(rows, 0, 0, 1.0, context).values
    else:
        case = next((case for case in bundle.cases() if case.expected is not None), None)
        if case is None:
            raise Failure(f"{bundle.path}/flow.json: golden.cases: needs one of log_prob")
        x = islice(cycle(read_inputs(bundle, case)[0].values), rows * bundle.width)
    return Array.of(bundle.kind, (rows, *bundle.event_shape), x)


def median_of(time: Callable[[int], array[float]]) -> float:
    """The median of calls, warm."""
    calls, spent, end = FEWEST_CALLS, 0.0, perf_counter() + WARM_SECONDS
    while perf_counter() < end:
        spent = sum(time(calls)) / calls
    return median(time(max(FEWEST_CALLS, int(SECONDS * 1e6 / max(spent, 1.0)))))
