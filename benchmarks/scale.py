"""Five million rows by `score`, in one process and by `--engine ray`: python -m benchmarks.scale [--quick]."""

from __future__ import annotations

__all__ = ["report"]

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow import parquet

from flowexport.runtime.processors import available_threads

from .flows import SHAPES, Flows
from .report import Goal, Report, Table, command

ROWS = 5_000_000
BOUND = 1.5
"""How many times the seconds of one process the cluster may take."""

LOOKS = 0.1
"""Seconds between two looks at the memory."""

HOW = """\
One Parquet file of 5,000,000 rows, in row groups of 1,048,576, scored from the command line: by one process on as many
threads as there are processors, and by as many processes of a local Ray cluster, which is started for it. Seconds are
those of the whole command, its start included. Memory is that of the command and all processes below it, pages that
they share counted once (`Pss` of `/proc/PID/smaps_rollup`), the most of ten looks a second."""


def below(process: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        children.setdefault(parent, []).append(int(path.name))
    found = [process]
    for each in found:
        found += children.get(each, [])
    return found


def resident(process: int) -> int:
    """Bytes of a process and all below it."""
    total = 0
    for each in below(process):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
    return total


def measured(words: list[str]) -> tuple[float, int]:
    """Seconds and the most bytes of a command."""
    began = time.perf_counter()
    running = subprocess.Popen([sys.executable, "-m", "flowexport", *words], stderr=subprocess.DEVNULL)
    most = 0
    while running.poll() is None:
        most = max(most, resident(running.pid))
        time.sleep(LOOKS)
    seconds = time.perf_counter() - began
    if running.returncode:
        raise RuntimeError(f"flowexport {' '.join(words)}: ended with {running.returncode}")
    return seconds, most


def report(quick: bool) -> Report:
    """The shapes, one after the other; quick: the middle one and a tenth of the rows."""
    count, workers = ROWS // 10 if quick else ROWS, available_threads()
    rows, figures, goals = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for shape in SHAPES[1:2] if quick else SHAPES[:2]:
            bundle = str(Flows(shape, folder).bundle)
            source = folder / f"{shape.features}.parquet"
            drawn = np.random.default_rng(0).standard_normal((count, shape.features), np.float32)
            parquet.write_table(pyarrow.table({f"x{i}": drawn[:, i] for i in range(shape.features)}), source)
            common = ["score", bundle, str(source), "--device", "cpu", "-o"]
            local, cluster = folder / f"local-{shape.features}.parquet", folder / f"ray-{shape.features}"
            alone = measured([*common, str(local)])
            many = measured([*common, str(cluster), "--engine", "ray", "--workers", str(workers)])
            if not parquet.read_table(cluster / source.name).equals(parquet.read_table(local)):
                raise RuntimeError(f"{shape}: the cluster's numbers are not those of one process")
            rows.append([str(shape), *(f"{figure:.1f}" for figure in (alone[0], many[0], many[0] / alone[0]))])
            rows[-1] += [f"{figure / 2**20:,.0f}" for figure in (alone[1], many[1])]
            figures.append({"shape": list(shape), "rows": count, "workers": workers, "alone": alone, "ray": many})
            told = f"seconds of --engine ray to those of one process, {count:,} rows, {shape}"
            goals.append(Goal(14, told, BOUND, "≤", "", many[0] / alone[0]))
    columns = ["", "one process, s", "ray, s", "ratio", "one process, MiB", "ray, MiB"]
    return Report("Scale", HOW, [Table(f"{count:,} rows, {workers} processors", columns, rows)], goals, figures)


if __name__ == "__main__":
    command(report, __doc__ or "")
