"""flowexport's runtime beside zuko in PyTorch and beside a plain torch.onnx export, from the same weights.

    python benchmarks/runtime_speed.py [--json FILE] [--quick]

Prints a Markdown table, and exits with 1 where a goal is not met.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import onnxruntime
import torch
import zuko
from timing import Comparison, machine, markdown, others_since, pinned, side_by_side, usage, write_json
from torch import Tensor, nn

import flowexport
from flowexport.interop.zuko import from_zuko

SHAPES = ((10, 5, 128), (2, 6, 64), (64, 10, 512))
"""Features, coupling layers, width of the two hidden layers."""

ROWS = (1, 64, 1024, 16384)
THREADED_ROWS = 16384
"""Rows that are also timed with two threads; fewer are not worth a second one."""

AGREEMENT = 1e-3
"""How far the candidates may differ (nats, or data units of order 1) before timing makes no sense."""

OURS, ZUKO, PLAIN = "flowexport", "zuko", "plain export"
GOALS = {ZUKO: 20.0, PLAIN: 2.5}
"""How many times as fast ours must be, at the first shape and one row, log_prob."""

LAST_LAYER = 0.1
"""Factor on the weights of each last Linear. As initialised, the widest flow is no density one could train: ten
layers take a row at ten deviations to a log_prob of −10¹⁵, and its export is rightly refused."""


class PlainExport(nn.Module):
    """zuko's own density or its inverse, wrapped as ``torch.onnx.export`` wants it and not rewritten.

    Arguments:
        flow: a zuko RealNVP.
        verb: ``log_prob`` or ``sample``.
    """

    def __init__(self, flow: zuko.flows.RealNVP, verb: str) -> None:
        super().__init__()
        self.flow = flow
        self.verb = verb

    def forward(self, x: Tensor) -> Tensor:
        """``[batch, features]`` → ``[batch]`` nats, or ``[batch, features]``."""
        density = self.flow()
        out: Tensor = density.log_prob(x) if self.verb == "log_prob" else density.transform.inv(x)
        return out


@dataclass(frozen=True)
class Goal:
    """A ratio against the least that it should be."""

    name: str
    ratio: float
    least: float

    @property
    def met(self) -> bool:
        return self.ratio >= self.least


@dataclass(frozen=True)
class Candidates:
    """The same flow three times.

    Arguments:
        zuko: in PyTorch.
        plain: verb → the plain export, as ONNX bytes.
        bundle: the folder of ours.
    """

    zuko: zuko.flows.RealNVP
    plain: dict[str, bytes]
    bundle: Path

    def verbs(self, rows: int, threads: int) -> dict[str, dict[str, Callable[[], object]]]:
        """Verb → candidate → the call to time. The numbers have been compared."""
        generator = np.random.default_rng(0)
        x = generator.standard_normal((rows, self.zuko.base().event_shape[0]), np.float32)
        # Made once: that is how it is fastest, and without a context nothing asks for another.
        density, x_torch = self.zuko(), torch.from_numpy(x)
        plain = {verb: session(data, threads) for verb, data in self.plain.items()}
        ours = flowexport.load(self.bundle, device="cpu", threads=threads)
        agree(density.log_prob(x_torch).numpy(), plain["log_prob"](x), ours.log_prob(x))
        agree(density.transform.inv(x_torch).numpy(), plain["sample"](x), ours.sample_from(x))
        return {
            "log_prob": {
                OURS: lambda: ours.log_prob(x),
                PLAIN: lambda: plain["log_prob"](x),
                ZUKO: lambda: density.log_prob(x_torch),
            },
            "sample": {
                OURS: lambda: ours.sample(rows, seed=0),
                PLAIN: lambda: plain["sample"](generator.standard_normal(x.shape, np.float32)),
                ZUKO: lambda: density.sample((rows,)),
            },
        }


def make_candidates(features: int, transforms: int, hidden: int, folder: Path) -> Candidates:
    """A zuko flow of random weights, and both exports of it."""
    torch.manual_seed(0)
    flow = zuko.flows.RealNVP(features, transforms=transforms, hidden_features=(hidden, hidden)).requires_grad_(False)
    for layer in flow.transform.transforms:
        layer.hyper[-1].weight *= LAST_LAYER
    bundle = folder / f"{features}_{transforms}_{hidden}"
    flowexport.export(from_zuko(flow), bundle)
    return Candidates(flow, {verb: plain_export(flow, verb) for verb in ("log_prob", "sample")}, bundle)


def plain_export(flow: zuko.flows.RealNVP, verb: str) -> bytes:
    """torch.onnx.export with its defaults, a dynamic batch, and one file."""
    example = torch.zeros(2, *flow.base().event_shape)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            PlainExport(flow, verb).eval(),
            (example,),
            dynamo=True,
            opset_version=18,
            input_names=["x"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    data: bytes = program.model_proto.SerializeToString()
    return data


def session(data: bytes, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """An ONNX file as a function, on ONNX Runtime with its defaults but for the threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    run = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"]).run
    return lambda x: run(None, {"x": x})[0]


def agree(*results: np.ndarray) -> None:
    """Stops where candidates do not give the same numbers."""
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=AGREEMENT, atol=AGREEMENT)


def compare(candidates: Candidates, shape: tuple[int, int, int], rows: int, threads: int) -> list[Comparison]:
    """Both verbs at a number of rows."""
    task = {"features": shape[0], "layers": shape[1], "hidden": shape[2], "rows": rows, "threads": threads}
    comparisons = []
    with pinned(threads), torch.no_grad():
        for verb, calls in candidates.verbs(rows, threads).items():
            start = usage()
            timings = side_by_side(calls)
            comparisons.append(Comparison({"verb": verb, **task}, OURS, timings, others_since(start)))
    return comparisons


def main() -> int:
    """Runs every comparison; the exit code says whether the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--quick", action="store_true", help="the first shape alone, 1 and 1024 rows")
    arguments = parser.parse_args()
    comparisons: list[Comparison] = []
    with tempfile.TemporaryDirectory() as folder:
        for shape in SHAPES[:1] if arguments.quick else SHAPES:
            candidates = make_candidates(*shape, Path(folder))
            for rows in (1, 1024) if arguments.quick else ROWS:
                for threads in (1, 2) if rows == THREADED_ROWS else (1,):
                    comparisons += compare(candidates, shape, rows, threads)
    goals = [Goal(f"one row, log_prob, × {peer}", comparisons[0].ratio(peer), least) for peer, least in GOALS.items()]

    print(", ".join(f"{key} {value}" for key, value in machine().items()), end="\n\n")
    print(markdown(comparisons), end="\n\n")
    for goal in goals:
        print(f"- {goal.name}: {goal.ratio:.3g}, goal {goal.least:.3g}: {'met' if goal.met else 'not met'}")
    if arguments.json:
        write_json(arguments.json, comparisons, goals)
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
