"""Watches a fuzzing process: one that ends, or waits, is started again behind the change that it told of last."""

from __future__ import annotations

__all__ = ["faults_of"]

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

WAITING = 300
"""Seconds without a line after which a process waits for ever. What works on for too long ends by the processor's own
seconds, which a busy machine does not lengthen."""

ROOT = Path(__file__).parents[2]


def faults_of(subject: str, originals: Path, count: int, seed: int = 0) -> list[str]:
    """What is wrong with the answers to so many changes, a line each."""
    faults, start = [], 0
    while start < count:
        command = [sys.executable, "-m", "tests.fuzz", subject, str(originals)]
        command += ["--seed", str(seed), "--start", str(start), "--count", str(count - start)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        last: dict[str, object] = {}
        try:
            for document in told(process):
                if "words" in document:
                    last = document
                elif document["fault"]:
                    faults.append(f"{subject} {describe(last)}: {document['fault']}: {document['printed']!r}")
        except TimeoutError:
            process.kill()
        status = process.wait()
        if status == 0:
            return faults
        assert last, process.stderr and process.stderr.read()[-2000:]
        faults.append(f"{subject} {describe(last)}: the process {'waits' if status == -9 else f'ended with {status}'}")
        start = int(str(last["number"])) + 1
    return faults


def describe(told: dict[str, object]) -> str:
    return f"{told.get('number')} ({told.get('change')}), {told.get('words')}"


def told(process: subprocess.Popen[bytes]) -> Iterator[dict[str, object]]:
    """The documents that a process writes, a line each.

    Raises:
        TimeoutError: where none comes.
    """
    assert process.stdout is not None
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        left = b""
        while True:
            if not waiting.select(WAITING):
                raise TimeoutError
            data = os.read(process.stdout.fileno(), 1 << 16)
            if not data:
                return
            *lines, left = (left + data).split(b"\n")
            yield from map(json.loads, lines)
