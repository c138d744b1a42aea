"""The four commands, and the one line and the exit status of whatever goes wrong."""

from __future__ import annotations

__all__ = ["main"]

import io
import os
import re
import sys
from functools import partial

import numpy as np
from flowbundle import BundleError, InputError, Model
from flowbundle.model import HOTTEST

from .bench import microseconds
from .golden import replay
from .tables import MOST_BYTES, TableError, context_of, read_blocks, write_header, write_rows

USAGE = """\
usage: run.sh golden BUNDLE | score BUNDLE < rows.csv | bench BUNDLE | \
sample BUNDLE N SEED [TEMPERATURE] [--context V1,V2,…]; all: [--digest HEX]"""

DIGEST = re.compile(r"[0-9a-f]{64}")
WHOLE = re.compile(r"[0-9]{1,20}")


class UsageError(Exception):
    """The command line is not one of those that there are."""


def golden(digest: str | None, path: str) -> int:
    """A line a case: its name, the difference, the bound, and whether it passed."""
    lines = list(replay(Model(path, digest=digest)))
    for name, found, bound, passed in lines:
        print(" ".join(name.split()), found, bound, "passed" if passed else "failed", sep="\t")
    failed = sum(not passed for *_, passed in lines)
    print(f"passed {len(lines) - failed}, failed {failed}")
    return 1 if failed else 0


def score(digest: str | None, path: str) -> int:
    """Rows on standard input, log_prob and percentile on standard output."""
    model = Model(path, digest=digest)
    manifest = model.manifest
    width, has_reference = len(manifest.features), manifest.quantiles is not None
    header = ["log_prob", "percentile"] if has_reference else ["log_prob"]
    if not has_reference:
        print("flow: the bundle has no reference rows, so there are no percentiles", file=sys.stderr)
    lines = iter(partial(sys.stdin.buffer.readline, MOST_BYTES + 1), b"")
    for block in read_blocks(lines, manifest):
        x = block[:, :width].reshape(-1, *manifest.event_shape)
        log_prob = model.log_prob(x, block[:, width:] if manifest.context else None)
        if header:
            write_header(header)
            header = []
        write_rows(*([log_prob, model.percentile(log_prob)] if has_reference else [log_prob]))
    if header:
        write_header(header)
    return 0


def sample(digest: str | None, context: str | None, path: str, count: str, seed: str, temperature: str = "1") -> int:
    """Samples on standard output."""
    if not WHOLE.fullmatch(count) or int(count) >= 2**63:
        raise UsageError(f"N: {count!r} is no whole number from 0")
    if not WHOLE.fullmatch(seed) or int(seed) >= 2**64:
        raise UsageError(f"SEED: {seed!r} is no whole number from 0 to 2**64 - 1")
    model = Model(path, digest=digest)
    values = None if context is None else context_of(context, model.manifest)
    blocks = model.iterate_samples(int(count), int(seed), temperature_of(temperature), values)
    write_header(model.manifest.features)
    for block in blocks:
        write_rows(block.reshape(len(block), -1))
    return 0


def bench(digest: str | None, path: str) -> int:
    """Microseconds of a call, the median."""
    model = Model(path, digest=digest)
    write_header(["graph", "rows", "microseconds"])
    for rows in (1, 1000):
        # Zero is a context, and a code, that every model takes.
        context = np.zeros(len(model.manifest.context)) if model.manifest.context else None
        x = model.sample(rows, 0, context=context)
        calls = partial(model.log_prob, x, context), partial(model.sample, rows, 0, context=context)
        for graph, call in zip(("log_prob", "sample"), calls, strict=True):
            print(graph, rows, f"{microseconds(call):.1f}", sep=",", flush=True)
    return 0


def temperature_of(text: str) -> float:
    try:
        temperature = float(text)
    except ValueError:
        temperature = np.nan
    if not 0 <= temperature <= HOTTEST:
        raise UsageError(f"TEMPERATURE: {text!r} is no number from 0 to {HOTTEST:.0f}")
    return temperature


def take(arguments: list[str], option: str) -> str | None:
    """The value of an option, which is taken out of the arguments."""
    if option not in arguments:
        return None
    index = arguments.index(option)
    if index + 1 == len(arguments):
        raise UsageError(USAGE)
    value = arguments[index + 1]
    del arguments[index : index + 2]
    return value


def run(arguments: list[str]) -> int:
    """The command that the arguments name."""
    command, *given = arguments or [""]
    digest, context = take(given, "--digest"), take(given, "--context") if command == "sample" else None
    if digest is not None and not DIGEST.fullmatch(digest):
        raise UsageError(f"--digest: {digest!r} is no SHA-256 in lower-case hex")
    if command == "sample" and len(given) in (3, 4):
        return sample(digest, context, *given)
    commands = {"golden": golden, "score": score, "bench": bench}
    if command in commands and len(given) == 1:
        return commands[command](digest, given[0])
    raise UsageError(USAGE)


def discard_output() -> None:
    """What cannot be written, Python would try once more while it exits, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(arguments: list[str]) -> int:
    """Runs a command; its exit status is 0 done, 1 a golden case failed, 2 whatever else was wrong."""
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(encoding="utf-8")
    try:
        status = run(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        discard_output()  # whoever read it has had enough
        return 0
    except (BundleError, InputError, TableError, UsageError, OSError, MemoryError) as error:
        said = f"standard input or output: {error.strerror}" if isinstance(error, OSError) else str(error)
        print("flow:", " ".join((said or "out of memory").split()), file=sys.stderr)
        if isinstance(error, OSError):
            discard_output()
        return 2
