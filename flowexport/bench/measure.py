"""Latency and throughput of a bundle by number of rows and of threads."""

from __future__ import annotations

__all__ = ["FEWEST_CALLS", "Measurement", "measure"]

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flowexport.bundle import open_bundle
from flowexport.errors import ArgumentError
from flowexport.runtime.processors import available_threads

from .machine import machine
from .subject import Subject, bundle_subject, rows_of, subject_of
from .timing import SECONDS, WARM_SECONDS, Comparison, others_since, pinned, side_by_side, usage

FEWEST_CALLS = 3
"""A median of fewer is no median, however long a call takes."""

IDLE = 0.2
"""Processors that others may keep busy before a figure is doubted: a system is never quite still."""


@dataclass(frozen=True)
class Measurement:
    """What `measure` found.

    Arguments:
        subject: the bundle.
        other: what it was compared with, or None.
        machine: processor and versions.
        comparisons: one for each verb, number of threads and number of rows, in this order; times in µs a call.
    """

    subject: Subject
    other: Subject | None
    machine: dict[str, str | int]
    comparisons: list[Comparison]

    @property
    def labels(self) -> list[str]:
        """What the timings are called: the bundle's name, and the other's."""
        return labels(self.subject, self.other)

    @property
    def disturbed(self) -> bool:
        """Whether other processes may have needed the processors that were measured with."""
        cores = int(self.machine["cores"])
        return any(int(each.task["threads"]) + (each.others or 0) > cores + IDLE for each in self.comparisons)

    def to_dict(self) -> dict[str, object]:
        """Everything as JSON takes it; times in µs a call, throughput in rows a second."""

        def described(subject: Subject) -> dict[str, object]:
            return {"name": subject.name, "runs_on": subject.runs_on, "device": subject.device}

        def figures(each: Comparison, label: str) -> dict[str, object]:
            timing = each.timings[label]
            throughput = rows_a_second(each, label)
            return {
                "median": timing.median,
                "best": timing.best,
                "calls": timing.calls,
                "rows_per_second": throughput,
            }

        ours, *others = self.labels
        return {
            "machine": self.machine,
            "unit": "µs",
            "bundle": described(self.subject),
            "compare": None if self.other is None else described(self.other),
            "figures": [
                {
                    **each.task,
                    **figures(each, ours),
                    **({"compare": figures(each, others[0]), "ratio": each.ratio(others[0])} if others else {}),
                    "others": each.others,
                }
                for each in self.comparisons
            ],
        }


def measure(
    bundle: str | os.PathLike[str],
    other: str | os.PathLike[str] | None = None,
    rows: Sequence[int] = (1, 64, 1024, 16384),
    threads: Sequence[int] | None = None,
    seconds: float = SECONDS,
    device: str = "auto",
    engine: str = "auto",
    on_figure: Callable[[int, int], None] | None = None,
) -> Measurement:
    """Times what a bundle can do, log_prob and sample: warm, the other in turn with it (A B A B), medians.

    A figure has at least 200 calls or the seconds given, and 3 calls however long they take. For as long, the
    process is held to as many processors as there are threads.

    Arguments:
        bundle: its folder, or the name of a zoo model.
        other: another bundle, or a run folder, whose flow is then measured in PyTorch.
        rows: numbers of rows of a call.
        threads: numbers of threads; None takes one, and as many as the process may run on. A GPU takes one.
        seconds: for each figure of each of the two.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``, for both.
        engine: of bundles, as `flowexport.load` takes it.
        on_figure: called with the figures done and the figures in all.

    Raises:
        ArgumentError: for numbers that cannot be, or an ``other`` that takes other rows than the bundle.
        BundleError, CheckpointError, DeviceError, EngineError, MissingExtra: for what cannot be opened or run.
    """
    opened = open_bundle(bundle)
    subject = bundle_subject(opened, device, engine)
    compared = None if other is None else subject_of(other, device, engine)
    if compared is not None and shape(compared) != shape(subject):
        raise ArgumentError(
            f"{os.fspath(other or '')}: takes {told(compared)}, {subject.name} takes {told(subject)}; "
            "both must take the same rows",
            key="compare",
        )
    counts = numbers_of_threads(threads, subject.device)
    rows = sorted(set(rows))
    if not rows or rows[0] < 1:
        raise ArgumentError(f"expected whole numbers of at least 1, got {rows}", key="rows")
    if not seconds > 0:
        raise ArgumentError(f"expected a number above 0, got {seconds}", key="seconds")
    ours, *others = labels(subject, compared)
    verbs = [verb for verb in subject.verbs if compared is None or verb in compared.verbs]
    total = len(verbs) * len(counts) * len(rows)
    found: dict[tuple[str, int, int], Comparison] = {}
    # Threads that exist already stay on their processors, so the widest set of them comes last.
    for count in counts:
        with pinned(count):
            for number in rows:
                inputs = rows_of(opened, number)
                calls = {ours: subject.calls(inputs, count)}
                if compared is not None:
                    calls[others[0]] = compared.calls(inputs, count)
                for verb in verbs:
                    start = usage()
                    timings = side_by_side(
                        {name: of[verb] for name, of in calls.items()},
                        seconds=seconds,
                        fewest=FEWEST_CALLS,
                        warm_seconds=min(WARM_SECONDS, seconds),
                    )
                    task: dict[str, str | int] = {"verb": verb, "rows": number, "threads": count}
                    found[verb, count, number] = Comparison(task, ours, timings, others_since(start))
                    if on_figure is not None:
                        on_figure(len(found), total)
    ordered = [found[verb, count, number] for verb in verbs for count in counts for number in rows]
    return Measurement(subject, compared, machine(), ordered)


def rows_a_second(comparison: Comparison, label: str) -> float:
    """Throughput, by the median."""
    return int(comparison.task["rows"]) / comparison.timings[label].median * 1e6


def labels(subject: Subject, other: Subject | None) -> list[str]:
    """Different names for the two."""
    if other is None:
        return [subject.name]
    name = "PyTorch" if other.runs_on == "PyTorch" else other.name
    return [subject.name, name if name != subject.name else f"{name}, the other"]


def numbers_of_threads(threads: Sequence[int] | None, device: str) -> list[int]:
    """The numbers of threads to measure with, in ascending order.

    Raises:
        ArgumentError: for more than the process may run on, which would measure how they wait for each other.
    """
    most = available_threads()
    if device != "cpu":
        if threads is not None and list(threads) != [1]:
            raise ArgumentError(
                f"{device} takes its rows from one thread; leave out threads, or take the cpu", key="threads"
            )
        return [1]
    chosen = sorted(set(threads or (1, most)))
    if not 1 <= chosen[0] <= chosen[-1] <= most:
        raise ArgumentError(f"expected 1 to {most}, the processors of this process, got {chosen}", key="threads")
    return chosen


def shape(subject: Subject) -> tuple[tuple[int, ...], int]:
    """What a subject takes."""
    return subject.event_shape, subject.context_size


def told(subject: Subject) -> str:
    """What a subject takes, in words."""
    features = "×".join(map(str, subject.event_shape))
    return f"{features} features" + (f" and a context of {subject.context_size}" if subject.context_size else "")
