"""Memory beyond input and output, however many rows: python -m benchmarks.memory [--quick]."""

from __future__ import annotations

__all__ = ["compare"]

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from flowexport.runtime.processors import available_threads

from .flows import SHAPES, Flows
from .report import Goal, Report, Table, command

ROWS = (10_000, 1_000_000, 4_000_000)
BOUND = 64.0
"""MiB."""

LARGEST = f"{SHAPES[2]}: not run: a million rows take it more than a minute"

HOW = """\
Each figure in a process of its own, which loads the bundle, makes its rows, sets the kernel's record of its greatest
resident set back (`/proc/self/clear_refs`), and makes one call, its first: what ONNX Runtime then allocates counts.
Beyond input and output: the record, less what was resident before the call, less the result. Threads: as many as there
are processors."""

CHILD = """
import ctypes, json, sys
import numpy as np
import flowexport

path, verb, rows, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

def status(key):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))

model = flowexport.load(path, device="cpu", threads=threads)
x = np.random.default_rng(0).standard_normal((rows, *model.event_shape), np.float32)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = status("VmRSS")
out = model.log_prob(x) if verb == "log_prob" else model.sample(rows, seed=0)
print(json.dumps({"beyond": status("VmHWM") - before - out.nbytes, "input": x.nbytes, "output": out.nbytes}))
"""


def beyond(bundle: Path, verb: str, rows: int, threads: int) -> dict[str, int]:
    """Bytes: beyond input and output, of the input, of the output."""
    words = [sys.executable, "-c", CHILD, str(bundle), verb, str(rows), str(threads)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["ended without a word"])[-1])
    found: dict[str, int] = json.loads(done.stdout)
    return found


def compare(quick: bool) -> Report:
    """The two smaller shapes, both verbs, several numbers of rows; quick: the middle one, up to a million rows."""
    threads = available_threads()
    rows, figures, goals = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for shape in SHAPES[1:2] if quick else SHAPES[:2]:
            flows = Flows(shape, Path(folder))
            for verb in ("log_prob", "sample"):
                most: float | None = None
                why = ""
                cells = [f"{verb}: {shape}"]
                for count in ROWS[:2] if quick else ROWS:
                    try:
                        found = beyond(flows.bundle, verb, count, threads)
                    except (OSError, RuntimeError) as error:
                        cells.append("not run")
                        why = str(error)
                        continue
                    mebibytes = found["beyond"] / 2**20
                    most = max(most or 0.0, mebibytes)
                    cells.append(f"{mebibytes:.1f}")
                    figures.append({"shape": list(shape), "verb": verb, "rows": count, "threads": threads, **found})
                rows.append(cells)
                name = f"memory beyond input and output, {verb}, {shape}, the most of all numbers of rows"
                goals.append(Goal(3, name, BOUND, "≤", "MiB", most, why))
    columns = ["", *(f"{count:,} rows, MiB" for count in (ROWS[:2] if quick else ROWS))]
    return Report("Memory", HOW, [Table("Memory beyond input and output", columns, rows, [LARGEST])], goals, figures)


if __name__ == "__main__":
    command(compare, __doc__ or "")
