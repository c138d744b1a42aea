"""log_prob and sample beside every peer, by shape and rows, on one thread: python -m benchmarks.speed [--quick]."""

from __future__ import annotations

__all__ = ["compare"]

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from flowexport.bench import Timing, others_since, pinned, side_by_side, usage

from .flows import SHAPES, Flows, Shape
from .peers import OURS, PEERS, PLAIN, SAME_WEIGHTS, ZUKO, Call, Peer
from .report import Goal, Report, Table, command, microseconds

VERBS = ("log_prob", "sample")
ROWS = (1, 64, 1024, 16384, 1_000_000)
THREADS = 1

AGREEMENT = 1e-3
"""How far the candidates may differ (nats, or data units of order 1) before timing makes no sense."""

SECONDS = 0.8
"""For a peer and a number of rows; fewer where 200 calls take less."""

LONGEST = 15.0
"""Seconds of a call above which it is not made: by the time that fewer rows took."""

MANY = 100_000
"""Rows from which one call or two must do."""

WARM_ROWS, WARM_SECONDS = 1024, 0.2
"""Up to so many rows a candidate runs for so long before it is timed."""

COMPILE_SECONDS = 180
"""A first call, in which PyTorch compiles, may take so long."""

GOALS = {
    Shape(10, 5, 128): {ZUKO: 30.0, PLAIN: 3.5},
    Shape(2, 6, 64): {ZUKO: 30.0},
    Shape(64, 10, 512): {ZUKO: 10.0},
}
"""How many times as fast ours must be at one row."""

HOW = f"""\
The same architecture for all, and the same weights for all but nflows and normflows: features, coupling layers, width
of the two hidden layers. One thread, the process held to one processor; warm, peers in turn (A B A B), medians of 200
calls or {SECONDS:g} s; of a million rows one call or two. `sample` is the map from given latents, `transform.inv` in
zuko. Each cell is µs a call, and how many times as long as flowexport, which runs its native engine where that is
installed. Before anything is timed, candidates of the same weights must give the same numbers within {AGREEMENT:g}.
*compiled* is `torch.compile(dynamic=True)`; generated C is emx-onnx-cgen at a batch of one row and
gcc -O3 -march=native -ffast-math, called row by row from C."""

Cell = Timing | str
"""A timing, or why there is none."""


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Raises TimeoutError in what takes longer."""

    def late(*_: object) -> None:
        raise TimeoutError(f"its first call takes longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def made(flows: Flows) -> dict[str, Peer | str]:
    """Every peer, or why it cannot be made."""
    found: dict[str, Peer | str] = {}
    for name, make in PEERS.items():
        try:
            found[name] = make(flows)
        except Exception as error:  # whatever a peer may raise is its reason
            found[name] = reason(error)
    return found


def reason(error: Exception) -> str:
    """One short line."""
    text = " ".join(str(error).split())
    return text[:160] if isinstance(error, RuntimeError | TimeoutError) else f"{type(error).__name__}: {text[:160]}"


def cells(
    peers: dict[str, Peer | str], verb: str, x: np.ndarray, before: dict[str, Cell], quick: bool
) -> tuple[dict[str, Cell], float | None]:
    """Each peer's timing at a number of rows, and the processors that others kept busy meanwhile.

    Arguments:
        peers: as `made` gives them.
        verb: of `VERBS`.
        x: ``[rows, features]``.
        before: the cells of the last smaller number of rows, and
        quick: whether to be.
    """
    found: dict[str, Cell] = {}
    calls: dict[str, Call] = {}
    reference: np.ndarray | None = None
    for name, peer in peers.items():
        if isinstance(peer, str):
            found[name] = peer
            continue
        last = before.get(name)
        expected = last.median / 1e6 * len(x) / int(before["rows"]) if isinstance(last, Timing) else 0.0  # type: ignore[call-overload]
        if isinstance(last, str) and len(x) > 1:
            found[name] = last
            continue
        if expected > LONGEST:
            found[name] = f"a call would take about {expected:.0f} s, more than {LONGEST:.0f}"
            continue
        try:
            calls[name] = peer(verb, x, THREADS)
            if len(x) < MANY:
                with at_most(COMPILE_SECONDS):
                    result = np.asarray(calls[name]())
                if name in SAME_WEIGHTS:
                    # A copy: some peers use their output again.
                    reference = result.copy() if reference is None else reference
                    np.testing.assert_allclose(result, reference, rtol=AGREEMENT, atol=AGREEMENT)
        except AssertionError:
            found[name] = "its numbers are not those of the others"
        except Exception as error:  # whatever a peer may raise is its reason
            found[name] = reason(error)
        if name in found:
            calls.pop(name, None)
    start = usage()
    if len(x) < MANY:
        # Where a call takes long, the one that was compared has warmed it.
        warm = 0.0 if len(x) > WARM_ROWS else WARM_SECONDS
        found |= side_by_side(calls, seconds=SECONDS / 10 if quick else SECONDS, fewest=2, warm_seconds=warm)
    else:
        found |= side_by_side(calls, seconds=SECONDS, fewest=1, warm_seconds=0)
    return {name: found[name] for name in peers}, others_since(start)


def table_of(shape: Shape, verb: str, columns: dict[int, dict[str, Cell]]) -> Table:
    """A table of a shape and a verb: a line a peer, a column for each number of rows."""
    rows: list[list[str]] = []
    missing: dict[tuple[str, str], list[str]] = {}
    for name in PEERS:
        line = [name]
        for count, column in columns.items():
            cell, ours = column[name], column[OURS]
            if isinstance(cell, str):
                missing.setdefault((name, cell), []).append(f"{count:,}")
                line.append("not run")
            elif name == OURS or isinstance(ours, str):
                line.append(microseconds(cell.median))
            else:
                line.append(f"{microseconds(cell.median)} (**{cell.median / ours.median:.3g} ×**)")
        rows.append(line)
    heads = [f"{count:,} row{'s' if count > 1 else ''}, µs" for count in columns]
    notes = [f"{name} at {', '.join(counts)} rows: not run: {why}" for (name, why), counts in missing.items()]
    return Table(f"{verb}: {shape}", ["", *heads], rows, notes)


def goals_of(shape: Shape, verb: str, column: dict[str, Cell]) -> list[Goal]:
    """The goals at one row."""
    goals = []
    for peer, least in GOALS[shape].items():
        if verb == "sample" and peer != ZUKO:
            continue
        name = f"{verb}, one row, {shape}: times as fast as {peer}"
        cell, ours = column[peer], column[OURS]
        if isinstance(cell, str) or isinstance(ours, str):
            goals.append(Goal(1, name, least, reason=cell if isinstance(cell, str) else str(ours)))
        else:
            goals.append(Goal(1, name, least, figure=cell.median / ours.median))
    return goals


def figures_of(
    shape: Shape, verb: str, columns: dict[int, dict[str, Cell]], others: dict[int, float | None]
) -> list[dict[str, Any]]:
    """The same for programs."""
    found = []
    for count, column in columns.items():
        task = {"shape": list(shape), "verb": verb, "rows": count, "threads": THREADS, "others": others[count]}
        for name, cell in column.items():
            figure = {"not_run": cell} if isinstance(cell, str) else vars(cell)
            found.append({**task, "peer": name, **figure})
    return found


def compare(quick: bool) -> Report:
    """Every shape, verb and number of rows; quick: the middle shape, up to 1024 rows."""
    tables, goals, figures = [], [], []
    with tempfile.TemporaryDirectory() as folder, pinned(THREADS):
        for shape in SHAPES[1:2] if quick else SHAPES:
            flows = Flows(shape, Path(folder))
            peers = made(flows)
            for verb in VERBS:
                columns: dict[int, dict[str, Cell]] = {}
                others: dict[int, float | None] = {}
                before: dict[str, Any] = {}
                for count in ROWS[:3] if quick else ROWS:
                    x = np.random.default_rng(0).standard_normal((count, shape.features), np.float32)
                    columns[count], others[count] = cells(peers, verb, x, before, quick)
                    before = {**columns[count], "rows": count}
                tables.append(table_of(shape, verb, columns))
                goals += goals_of(shape, verb, columns[1])
                figures += figures_of(shape, verb, columns, others)
    return Report("log_prob and sample by rows", HOW, tables, goals, figures)


if __name__ == "__main__":
    command(compare, __doc__ or "")
