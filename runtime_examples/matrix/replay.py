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
from driver.arrays import Array
from driver.bundle import Bundle, Case
from driver.golden import Line, judge, read_inputs
from environments import run_apart
from numpy.typing import NDArray
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
    cases = [case for case in bundle.cases() if case.expected is not None]
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
        return result_of([judged(bundle, case, np.load(found_file(folder, i))) for i, case in enumerate(cases)])


def judged(bundle: Bundle, case: Case, found: NDArray[Any]) -> Line:
    rows = read_inputs(bundle, case)[0].shape[0]
    expected = (rows,) if case.graph == "log_prob" else (rows, *bundle.event_shape)
    if found.shape != expected:
        return Line(case.name, f"shape {list(found.shape)}", f"shape {list(expected)}", False)
    return judge(bundle, case, Array.of("f8", found.shape, found.ravel().tolist()))


def write_jobs(bundle: Bundle, cases: Sequence[Case], folder: Path) -> list[dict[str, Any]]:
    """What child.py is to do, and the inputs that it is to do it with."""
    jobs = []
    for graph, given in (("log_prob", "x"), ("sample", "z")):
        spec = bundle.document["graphs"][graph].value
        ((output, output_shape),) = shapes_of(spec["outputs"]).items()
        batches = [i for i, case in enumerate(cases) if case.graph == graph]
        for i in batches:
            inputs = zip((given, "context"), read_inputs(bundle, cases[i]), strict=True)
            arrays = {name: np.array(each.values).reshape(each.shape) for name, each in inputs if each is not None}
            np.savez(folder / f"{i}.inputs.npz", **arrays)
        jobs.append(
            {
                "name": graph,
                # A copy: some converters write beside the file that they read, or over it.
                "file": str(shutil.copy(bundle.path / spec["file"], folder)),
                "inputs": shapes_of(spec["inputs"]),
                "output": output,
                "output_shape": output_shape,
                "batches": batches,
            }
        )
    return jobs


def shapes_of(tensors: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Tensor → its shape behind the batch axis."""
    return {tensor["name"]: tensor["shape"][1:] for tensor in tensors}


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
    names = {case.name for case in bundle.cases() if case.expected is not None}
    lines = [line.split("\t") for line in done.stdout.splitlines()[:-1]]
    told = [Line(name, found, bound, word == "passed") for name, found, bound, word in lines]
    result = result_of([line for line in told if line.name in names])
    if done.returncode and not result.fault:
        result = Result(result.ratio, ", ".join(line.name for line in told if not line.passed))
    return result


def result_of(lines: Sequence[Line]) -> Result:
    """The greatest ratio of difference to bound over all cases, and which of them failed."""
    failed = [line.name for line in lines if not line.passed]
    shapes = [f"{line.name}: {line.found}, expected {line.bound}" for line in lines if line.found.startswith("shape")]
    if shapes:
        return Result(None, shapes[0])
    ratio = float(np.max([float(line.found) / float(line.bound) for line in lines]))
    return Result(ratio, f"over the bound: {', '.join(failed)}" if failed else "")


def reason(text: str) -> str:
    """An error in one line, without paths of this machine."""
    line = " ".join(re.sub(r"(?<![\w.])/\S*/", "", text).split())
    return line if len(line) <= REASON_LENGTH else f"{line[:REASON_LENGTH]}…"
