"""The golden cases of a bundle in a runtime: the greatest difference, or the reason why there is none."""

from __future__ import annotations

__all__ = ["Result", "replay_apart", "replay_program", "result_of"]

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from environments import run_apart
from flowbundle import Bundle
from flowbundle.manifest import Case
from program.golden import judge, read_inputs
from runtimes import Program, Runtime

HERE = Path(__file__).resolve().parent

SECONDS = 900
"""After so long a bundle counts as failed: some runtimes compile each graph, for minutes."""

BUILD_SECONDS = 3600
"""The first run of a program may fetch and compile all that it needs: tract takes a quarter of an hour."""

COMPLAINT = re.compile(r"error|exception|fault|abort|unsupported|not implemented", re.IGNORECASE)
REASON_LENGTH = 200


@dataclass(frozen=True)
class Result:
    """What became of a bundle in a runtime.

    Arguments:
        ratio: the greatest difference, in units of its bound, or None where the cases could not be run.
        fault: what went wrong; empty where all cases passed.
    """

    ratio: float | None
    fault: str = ""


def replay_apart(runtime: Runtime, python: Path, bundle: Bundle) -> Result:
    """Runs the cases that expect numbers, the graphs unchanged, in a process of the runtime's own."""
    cases = [case for case in bundle.manifest.cases if case.expected is not None]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jobs = {"block": runtime.block, "graphs": write_jobs(bundle, cases, folder)}
        (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
        arguments = [str(HERE / "child.py"), runtime.adapter, str(folder / "jobs.json")]
        try:
            done = run_apart(python, arguments, folder, SECONDS)
        except subprocess.TimeoutExpired:
            return Result(None, f"not done after {SECONDS} seconds")
        if done.returncode:
            words = [line for line in done.stderr.splitlines() if COMPLAINT.search(line)] or ["without a word"]
            ended = f"signal {-done.returncode}" if done.returncode < 0 else f"status {done.returncode}"
            return Result(None, f"ended by {ended}: {reason(words[-1])}")
        faults = json.loads((folder / "faults.json").read_text(encoding="utf-8"))
        if faults:
            return Result(None, "; ".join(sorted({reason(fault) for fault in faults.values()})))
        return result_of([judge(bundle, case, np.load(found_file(folder, i))) for i, case in enumerate(cases)])


def write_jobs(bundle: Bundle, cases: Sequence[Case], folder: Path) -> list[dict[str, Any]]:
    """What child.py is to do, and the inputs that it is to do it with."""
    jobs = []
    for graph, spec in bundle.manifest.graphs.items():
        ((output, output_shape),) = spec.outputs.items()
        batches = [i for i, case in enumerate(cases) if case.graph == graph]
        for i in batches:
            np.savez(folder / f"{i}.inputs.npz", **read_inputs(bundle, cases[i]))
        jobs.append(
            {
                "name": graph,
                # A copy: some converters write beside the file that they read, or over it.
                "file": str(shutil.copy(bundle.path / spec.file, folder)),
                "inputs": spec.inputs,
                "output": output,
                "output_shape": output_shape,
                "batches": batches,
            }
        )
    return jobs


def found_file(folder: Path, batch: int) -> Path:
    return folder / f"{batch}.found.npy"


def replay_program(program: Program, bundle: Bundle) -> Result:
    """Runs ``run.sh golden``, which judges the cases itself."""
    run = HERE.parent / program.folder / "run.sh"
    environment = os.environ | {"PYTHON": sys.executable} | dict(program.environment)
    try:
        done = subprocess.run(
            [run, "golden", str(bundle.path)],
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=BUILD_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Result(None, reason(str(error)))
    if done.returncode > 1:
        return Result(None, reason(done.stderr))
    names = {case.name for case in bundle.manifest.cases if case.expected is not None}
    lines = [line.split("\t") for line in done.stdout.splitlines()[:-1]]
    judged = [(name, found, bound, word == "passed") for name, found, bound, word in lines]
    result = result_of([line for line in judged if line[0] in names])
    if done.returncode and not result.fault:
        result = Result(result.ratio, ", ".join(line[0] for line in judged if not line[3]))
    return result


def result_of(lines: Sequence[tuple[str, str, str, bool]]) -> Result:
    """The greatest ratio of difference to bound over all cases, and which of them failed."""
    failed = [name for name, _, _, passed in lines if not passed]
    shapes = [f"{name}: {found}, expected {bound}" for name, found, bound, _ in lines if found.startswith("shape")]
    if shapes:
        return Result(None, shapes[0])
    ratio = float(np.max([float(found) / float(bound) for _, found, bound, _ in lines]))
    return Result(ratio, f"over the bound: {', '.join(failed)}" if failed else "")


def reason(text: str) -> str:
    """An error in one line, without paths of this machine."""
    line = " ".join(re.sub(r"(?<![\w.])/\S*/", "", text).split())
    return line if len(line) <= REASON_LENGTH else f"{line[:REASON_LENGTH]}…"
