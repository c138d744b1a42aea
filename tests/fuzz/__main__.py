"""``python -m tests.fuzz SUBJECT ORIGINALS``: changes the originals, one change after the other, and tells of each.

A line of JSON says which change comes, and another what was wrong with the answer. A change that ends the process, or
that it waits for, is the last that it told of; whoever reads the lines starts it again behind that one.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import click

from flowexport.bundle.text import unprintable
from flowexport.cli.main import main

from .subjects import SUBJECTS, Subject

SECONDS = 5
"""Of the processor, for one command line."""

ADDRESSES = 4 << 30
"""Bytes of addresses that a command line may map beyond what there are: some libraries set aside 1 GiB at once."""

MEMORY = 512 << 20
"""Bytes of memory that it may take beyond what any before has."""

OUT_OF_MEMORY = re.compile("(?i)out of memory|(unable to|cannot|can't|failed to|bad[_ ])alloc")

STREAMS = "streams"
"""The file that takes what is printed."""

LONGEST = 2000
"""Characters of a message."""


def fuzz(subject: Subject, originals: Path, seed: int, start: int, count: int, tell: int) -> None:
    """Changes number ``start`` and on, each drawn from its own number and the seed."""
    kept = {path.relative_to(originals): path.read_bytes() for path in sorted(originals.rglob("*")) if path.is_file()}
    subject.prepare()
    with tempfile.TemporaryDirectory() as scratch, (Path(scratch) / STREAMS).open("wb+") as streams:
        place = Path(scratch)
        os.chdir(place)
        # The first are the originals as they are: they are taken, and all that is loaded once is there.
        for number in (None, *range(start, start + count)):
            draw = Random(f"{seed} {number}")
            folder, out = place / "input", place / "out"
            out.mkdir()
            for name, data in kept.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)
            told = "nothing" if number is None else subject.plant(draw, folder)
            for words in subject.lines(draw, folder, out):
                if number is not None:
                    say(tell, number=number, change=told, words=words)
                before = listing(place)
                answer = ran(words, streams.fileno())
                if number is None:
                    assert answer.status == 0 or subject.taken in answer.printed, answer
                    continue
                fault = fault_of(answer)
                if listing(place) != before and "--resume" not in words:
                    fault = fault or "changed what it reads, or wrote beside its target"
                say(tell, number=number, status=answer.status, fault=fault, printed=answer.printed[-LONGEST:])
            shutil.rmtree(folder)
            shutil.rmtree(out)


def say(tell: int, **document: object) -> None:
    os.write(tell, json.dumps(document).encode() + b"\n")


def listing(place: Path) -> dict[Path, tuple[int, int]]:
    """Every file of a folder outside of ``out``, with its size and when it was changed."""
    found = {}
    for folder, _, names in os.walk(place):
        if not Path(folder).is_relative_to(place / "out"):
            for name in names:
                status = Path(folder, name).lstat()
                found[Path(folder, name)] = (status.st_size, status.st_mtime_ns)
    found.pop(place / STREAMS)
    return found


@dataclass(frozen=True)
class Answer:
    """What a command line came to.

    Arguments:
        status: it ended with.
        printed: to both of its streams.
        seconds: of the processor.
        memory: bytes that it took beyond what any before it has.
    """

    status: int
    printed: str
    seconds: float
    memory: int


def ran(words: list[str], captured: int) -> Answer:
    """Runs a command line."""
    os.ftruncate(captured, 0)
    os.lseek(captured, 0, os.SEEK_SET)
    before, memory = time.process_time(), most_memory()
    with streams_to(captured), bounded():
        # What only waits, whoever reads our lines sees; this ends the process, wherever it is.
        signal.setitimer(signal.ITIMER_PROF, 2 * SECONDS)
        try:
            main.main(words, "flowexport")
        except SystemExit as ended:
            status = int(ended.code or 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
    seconds = time.process_time() - before
    size = os.lseek(captured, 0, os.SEEK_END)
    return Answer(status, os.pread(captured, size, 0).decode("utf-8", "replace"), seconds, most_memory() - memory)


@contextmanager
def streams_to(captured: int) -> Iterator[None]:
    """Standard output and error into a file: what libraries in C write to them as well."""
    before = [(number, os.dup(number), getattr(sys, name)) for number, name in ((1, "stdout"), (2, "stderr"))]
    for number, _, _ in before:
        os.dup2(captured, number)
    # Fresh ones, as the process of a user has: the command closes them at its end.
    sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            if not stream.closed:
                stream.flush()
        for number, kept, _ in before:
            os.dup2(kept, number)
            os.close(kept)
        sys.stdout, sys.stderr = (stream for _, _, stream in before)


def most_memory() -> int:
    """Bytes that the process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


@contextmanager
def bounded() -> Iterator[None]:
    """So much memory, and no more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ADDRESSES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def fault_of(answer: Answer) -> str | None:
    """What is wrong with an answer: a person is to get one line, at once."""
    status, printed = answer.status, answer.printed
    if status not in (0, 1, 2):
        return f"status {status}"
    if "Traceback" in printed:
        return "a traceback"
    if answer.seconds > SECONDS:
        return f"{answer.seconds:.1f} s"
    if answer.memory > MEMORY or OUT_OF_MEMORY.search(printed):
        return f"{answer.memory:,} bytes"
    told = [line for line in printed.splitlines() if line.startswith("flowexport: ") and "warning:" not in line]
    if status and len(told) != 1:
        return f"{len(told)} lines"
    if status and printed.splitlines()[-1] != told[0]:
        return "more than the line"
    if told and (unprintable(told[0]) or len(told[0]) > LONGEST):
        return "a line that cannot be shown"
    return None


@click.command()
@click.argument("subject", type=click.Choice(list(SUBJECTS)))
@click.argument("originals", type=click.Path(path_type=Path, exists=True))
@click.option("--seed", default=0)
@click.option("--start", default=0)
@click.option("--count", default=2000)
def command(subject: str, originals: Path, seed: int, start: int, count: int) -> None:
    tell = os.dup(1)
    fuzz(SUBJECTS[subject], originals.resolve(), seed, start, count, tell)


command()
