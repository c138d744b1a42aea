"""The four commands, and the one line and the exit status of whatever goes wrong."""

from __future__ import annotations

__all__ = ["main"]

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from .arrays import Array
from .bundle import Bundle, open_bundle
from .errors import Failure
from .golden import replay
from .program import Program
from .records import MOST_BYTES
from .tables import BLOCK_ROWS, Columns, number_of, write_header, write_rows
from .timing import medians

USAGE = """\
usage: run.sh golden BUNDLE | score BUNDLE < rows.csv | bench BUNDLE | \
sample BUNDLE N SEED [TEMPERATURE] [--context V1,V2,…]; all: [--digest HEX]"""

DIGEST = re.compile(r"[0-9a-f]{64}")
WHOLE = re.compile(r"[0-9]{1,20}")
HOTTEST = 1e6
HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@contextmanager
def opened(command: list[str], path: str, digest: str | None) -> Iterator[tuple[Program, Bundle]]:
    """A program with a bundle open, and what the bundle says of itself."""
    program = Program(command, path, digest)
    try:
        yield program, open_bundle(path, digest)
        program.close()
    finally:
        program.kill()


def golden(command: list[str], path: str, digest: str | None) -> int:
    """A line a case: its name, the difference, the bound, and whether it passed."""
    passed = failed = 0
    with opened(command, path, digest) as (program, bundle):
        for line in replay(program, bundle):
            print(line)
            passed, failed = passed + line.passed, failed + (not line.passed)
    print(f"passed {passed}, failed {failed}")
    return 1 if failed else 0


def score(command: list[str], path: str, digest: str | None) -> int:
    """Rows on standard input, log_prob and percentile on standard output."""
    with opened(command, path, digest) as (program, bundle):
        # No rows: what cannot be is refused before anything is said.
        program.log_prob(Array.of(bundle.kind, (0, *bundle.event_shape), []), bundle.zeros(0))
        header = ["log_prob", "percentile"] if bundle.has_reference else ["log_prob"]
        if not bundle.has_reference:
            print("flow: the bundle has no reference rows, so there are no percentiles", file=sys.stderr)
        lines = iter(partial(sys.stdin.buffer.readline, MOST_BYTES + 1), b"")
        for x, context in Columns(program, bundle).read_blocks(lines):
            log_prob = program.log_prob(x, context)
            if header:
                write_header(header)
                header = []
            write_rows(*([log_prob, program.percentile(log_prob)] if bundle.has_reference else [log_prob]))
        if header:
            write_header(header)
    return 0


def sample(
    command: list[str], path: str, digest: str | None, context: str | None, count: str, seed: str, heat: str = "1"
) -> int:
    """Samples on standard output."""
    temperature = number_of(heat)
    if not WHOLE.fullmatch(count) or int(count) >= 2**63:
        raise Failure(f"N: {count!r} is no whole number from 0")
    if not WHOLE.fullmatch(seed) or int(seed) >= 2**64:
        raise Failure(f"SEED: {seed!r} is no whole number from 0 to 2**64 - 1")
    if temperature is None or not 0 <= temperature <= HOTTEST:
        raise Failure(f"TEMPERATURE: {heat!r} is no number from 0 to {HOTTEST:.0f}")
    with opened(command, path, digest) as (program, bundle):
        values = None if context is None else Columns(program, bundle).context_of(context)
        # No rows: what cannot be is refused before anything is printed.
        program.sample(0, int(seed), 0, temperature, values)
        write_header(bundle.features)
        for first in range(0, int(count), BLOCK_ROWS):
            rows = min(BLOCK_ROWS, int(count) - first)
            write_rows(program.sample(rows, int(seed), first, temperature, values), width=bundle.width)
    return 0


def bench(command: list[str], path: str, digest: str | None) -> int:
    """Microseconds of a call, the median."""
    with opened(command, path, digest) as (program, bundle):
        write_header(["graph", "rows", "microseconds"])
        for graph, rows, microseconds in medians(program, bundle):
            print(graph, rows, f"{microseconds:.1f}", sep=",", flush=True)
    return 0


def take(arguments: list[str], option: str) -> str | None:
    """The value of an option, which is taken out of the arguments."""
    if option not in arguments:
        return None
    index = arguments.index(option)
    if index + 1 == len(arguments):
        raise Failure(USAGE)
    value = arguments[index + 1]
    del arguments[index : index + 2]
    return value


def run(words: list[str]) -> int:
    """The command that the arguments name, behind the program and ``--``."""
    end = words.index("--")
    command, (verb, *given) = words[:end], words[end + 1 :] or [""]
    digest, context = take(given, "--digest"), take(given, "--context") if verb == "sample" else None
    if digest is not None and not DIGEST.fullmatch(digest):
        raise Failure(f"--digest: {digest!r} is no SHA-256 in lower-case hex")
    if verb == "sample" and len(given) in (3, 4):
        return sample(command, given[0], digest, context, *given[1:])
    commands = {"golden": golden, "score": score, "bench": bench}
    if verb in commands and len(given) == 1:
        return commands[verb](command, given[0], digest)
    raise Failure(USAGE)


def discard_output() -> None:
    """What cannot be written, Python would try once more while it exits, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(words: list[str]) -> int:
    """Runs a command; its exit status is 0 done, 1 a golden case failed, 2 whatever else was wrong."""
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(encoding="utf-8")
    try:
        status = run(words)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        discard_output()  # whoever read it has had enough
        return 0
    except (Failure, OSError, MemoryError) as error:
        said = f"standard input or output: {error.strerror}" if isinstance(error, OSError) else str(error)
        print("flow:", " ".join(HIDDEN.sub("?", said or "out of memory").split()), file=sys.stderr)
        if isinstance(error, OSError):
            discard_output()
        return 2
    except KeyboardInterrupt:
        return 130
