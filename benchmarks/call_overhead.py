"""What the Python call costs beyond the graph, at one row: python -m benchmarks.call_overhead [--quick]."""

from __future__ import annotations

__all__ = ["compare"]

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import flowexport
from flowexport.bench import pinned, side_by_side

from .flows import SHAPES, Flows
from .report import Goal, Report, Table, command, microseconds

BOUND = 8.0
"""µs of `Model.log_prob` over `run_with_iobinding`."""

CALLS = 2000
"""More than elsewhere: a difference of two small times."""

HOW = f"""\
One row, one thread, medians of {CALLS} calls in turn. *bound* is ONNX Runtime's `run_with_iobinding` of the same
session, with input and output bound beforehand to buffers that stay: what is left of the call when Python does nothing.
*run* is `InferenceSession.run` with a dictionary. The figure is `Model.log_prob` less *bound*."""


def bound(session: Any, x: np.ndarray, out: np.ndarray) -> tuple[Any, Any]:
    """A call of a session on bound buffers, and one by `run`."""
    binding = session.io_binding()
    name, output = session.get_inputs()[0].name, session.get_outputs()[0].name
    binding.bind_input(name, "cpu", 0, np.float32, x.shape, x.ctypes.data)
    binding.bind_output(output, "cpu", 0, np.float32, out.shape, out.ctypes.data)
    return lambda: session.run_with_iobinding(binding), lambda: session.run([output], {name: x})


def compare(quick: bool) -> Report:
    """Every shape, or the middle one."""
    rows, goals, figures = [], [], []
    with tempfile.TemporaryDirectory() as folder, pinned(1):
        for shape in SHAPES[1:2] if quick else SHAPES:
            flows = Flows(shape, Path(folder))
            model = flowexport.load(flows.bundle, device="cpu", threads=1, engine="onnxruntime")
            x = np.random.default_rng(0).standard_normal((1, shape.features), np.float32)
            for verb, ours in (("log_prob", model.log_prob), ("sample", model.sample_from)):
                out = np.empty((1,) if verb == "log_prob" else x.shape, np.float32)
                by_binding, by_run = bound(model.graphs[verb].session, x, out)
                calls = {"ours": lambda ours=ours, x=x: ours(x), "run": by_run, "bound": by_binding}
                timings = side_by_side(calls, 200 if quick else CALLS)
                np.testing.assert_allclose(out, ours(x), rtol=1e-5, atol=1e-5)
                over = timings["ours"].median - timings["bound"].median
                medians = [microseconds(timings[name].median) for name in calls]
                rows.append([f"{verb}: {shape}", *medians, microseconds(over)])
                figures.append({"shape": list(shape), "verb": verb} | {n: vars(t) for n, t in timings.items()})
                if verb == "log_prob":
                    name = f"{verb}, one row, {shape}: µs over run_with_iobinding"
                    goals.append(Goal(2, name, BOUND, "≤", "µs", over))
    columns = ["", "flowexport, µs", "run, µs", "bound, µs", "flowexport over bound, µs"]
    return Report("The Python call", HOW, [Table("One row", columns, rows)], goals, figures)


if __name__ == "__main__":
    command(compare, __doc__ or "")
