"""How long a new process takes, and an export: python -m benchmarks.start_up [--quick]."""

from __future__ import annotations

__all__ = ["compare"]

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .report import Goal, Report, Table, command

RUNS = 5
SCORE = "import flowexport; flowexport.load('banana', device='cpu').log_prob([[1.0, 2.0]])"
PROCESSES = {
    "flowexport --help": (["-m", "flowexport", "--help"], 0.3),
    "load a model and score a first row": (["-c", SCORE], 0.4),
}
"""What is run, and the most seconds that it may take."""

EXPORT = """
import json, sys, time
import flowexport, torch

torch.manual_seed(0)
flow = flowexport.RealNVP(features=10, transforms=5, hidden_features=(128, 128))
started = time.perf_counter()
flowexport.export(flow, sys.argv[1])
first = time.perf_counter() - started
started = time.perf_counter()
flowexport.export(flow, sys.argv[1])
print(json.dumps({"first": first, "second": time.perf_counter() - started}))
"""
NEW, WARM = 20.0, 8.0
"""Seconds that an export may take in a new process, imports included, and in one that has exported before."""

HOW = f"""\
Wall-clock of a whole process, the quickest of {RUNS}, files in the page cache, modules compiled; of the export, of
both graphs of a flow of 10, 5, 128 with its checks, the quicker of two processes. Warm is a second export in the
same process."""


def seconds_of(arguments: list[str]) -> tuple[float, str]:
    """Seconds of a process, and what it said."""
    # Not every installer compiles modules; the first run then does, where nobody forbids it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True, env=environment)
    return time.perf_counter() - started, done.stdout


def compare(quick: bool) -> Report:
    """Both processes and both exports; quick: two runs and one."""
    goals = []
    for name, (arguments, bound) in PROCESSES.items():
        best = min(seconds_of(arguments)[0] for _ in range(2 if quick else RUNS))
        goals.append(Goal(6, name, bound, "≤", "s", best))
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for _ in range(1 if quick else 2):
            seconds, said = seconds_of(["-c", EXPORT, f"{folder}/bundle"])
            exports = json.loads(said)
            found.append((seconds - exports["second"], exports["second"]))
    new, warm = (min(each) for each in zip(*found, strict=True))
    goals.append(Goal(6, "export of both graphs, verified, in a new process", NEW, "≤", "s", new))
    goals.append(Goal(6, "export of both graphs, verified, in a warm process", WARM, "≤", "s", warm))
    rows = [[goal.name, f"{goal.figure:.3g}"] for goal in goals]
    size = sum(path.stat().st_size for path in Path(__file__).parents[1].glob("models/banana/bundle/*.onnx"))
    notes = [f"the graphs of the model that is loaded have {size / 1024:.0f} KiB"]
    return Report("Start-up", HOW, [Table("A new process", ["", "seconds"], rows, notes)], goals)


if __name__ == "__main__":
    command(compare, __doc__ or "")
