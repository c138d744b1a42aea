"""Runs golden inputs through one runtime: ``python child.py ADAPTER JOBS``, in the runtime's own environment.

JOBS is a JSON file: graphs, each with its batches. What a batch gives is written beside its inputs, and what
went wrong with a graph into ``faults.json``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import adapters
import numpy as np


def run_graph(adapter: str, job: dict[str, Any], files: Path, block: int | None) -> None:
    """Runs the batches of a graph, cut into blocks where the runtime knows only one size."""
    graph = adapters.Graph(
        file=Path(job["file"]),
        rows=block or 0,
        inputs=job["inputs"],
        output=job["output"],
        output_shape=job["output_shape"],
    )
    run = getattr(adapters, adapter)(graph)
    for batch in job["batches"]:
        with np.load(files / f"{batch}.inputs.npz") as given:
            inputs = {name: given[name] for name in job["inputs"]}
        rows = len(next(iter(inputs.values())))
        found = []
        for start in range(0, rows, block or rows):
            part = {name: array[start : start + block] if block else array for name, array in inputs.items()}
            here = len(next(iter(part.values())))
            if block and here < block:
                # The last rows again and again, to fill the block.
                part = {name: np.resize(array, (block, *array.shape[1:])) for name, array in part.items()}
            found.append(np.asarray(run(part))[:here])
        np.save(files / f"{batch}.found.npy", np.concatenate(found))


def main(adapter: str, jobs: Path) -> None:
    """Every graph; the fault of one does not keep the others from being run."""
    described = json.loads(jobs.read_text(encoding="utf-8"))
    faults = {}
    for job in described["graphs"]:
        try:
            run_graph(adapter, job, jobs.parent, described["block"])
        except Exception as error:  # whatever a runtime may raise is its reason
            faults[job["name"]] = f"{type(error).__name__}: {error}"
        (jobs.parent / "faults.json").write_text(json.dumps(faults), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
