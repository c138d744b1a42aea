"""What ``flow.json`` says of an exported flow: signatures, golden files, and the figures of the proof."""

from __future__ import annotations

__all__ = ["figures_of", "golden_part", "graphs_part", "reference_part"]

import math
from typing import Literal

import numpy as np
from msgspec import UNSET

from flowexport.bundle import npy_bytes
from flowexport.bundle.operators import OPSET
from flowexport.bundle.schema import Case, Dtype, Figure, Golden, Graphs, GraphSpec, NoiseSpec, Reference, TensorSpec
from flowexport.flows import Flow
from flowexport.proof import Report
from flowexport.runtime import normals

from .references import GoldenArrays, golden_cases
from .rounding import Rounding

NOISE = (("0", 3, 1000), ("9223372036854775813", 0, 1000))
"""Seed, start and count of the golden noise: one slice that begins inside a block, one seed above 2⁶³."""


BESIDE = ("scores", "scale")
"""Of the golden arrays those that are no files."""

OUTPUTS = {"log_prob": "log_prob", "sample": "x"}
"""What each graph gives."""


def graphs_part(flow: Flow, dtype: Dtype) -> Graphs:
    """The signatures of both graphs."""
    event = list(flow.event_shape)

    def spec(file: str, first: tuple[str, list[int]], output: tuple[str, list[int]]) -> GraphSpec:
        inputs = [first, *([("context", [flow.context])] if flow.context else [])]
        return GraphSpec(
            file=file,
            opset=OPSET,
            inputs=[TensorSpec(key, dtype, ["batch", *shape]) for key, shape in inputs],
            outputs=[TensorSpec(output[0], dtype, ["batch", *output[1]])],
        )

    return Graphs(
        log_prob=spec("log_prob.onnx", ("x", event), ("log_prob", [])),
        sample=spec("sample.onnx", ("z", [flow.latent_size]), ("x", event)),
    )


def golden_part(
    golden: GoldenArrays, rows_of: Literal["data", "samples"], rounding: Rounding | None
) -> tuple[dict[str, bytes], Golden]:
    """The golden files, and what ``flow.json`` says of them.

    Arguments:
        rounding: of the expected numbers in float32, or None for graphs in float64.
    """
    files: dict[str, bytes] = {}
    for field, array in vars(golden).items():
        if field not in BESIDE and array is not None and len(array):
            files[f"golden/{field}.npy"] = npy_bytes(array)
    for field, array in vars(rounding).items() if rounding is not None else ():
        if len(array):
            files[f"golden/{field}_rounding.npy"] = npy_bytes(array)
    cases = [
        Case(
            name=case.name,
            graph=case.graph,
            inputs={key: f"golden/{field}.npy" for key, field in case.inputs.items()},
            expected={OUTPUTS[case.graph]: f"golden/{case.expected}.npy"},
            rounding=None if rounding is None else {OUTPUTS[case.graph]: f"golden/{case.expected}_rounding.npy"},
            rows=list(case.rows),
        )
        for case in golden_cases(golden)
    ]
    context = {} if golden.context is None else {"context": "golden/context_2.npy"}
    if golden.context is not None:
        files["golden/context_2.npy"] = npy_bytes(golden.context[:2])
        files["golden/x_2.npy"] = npy_bytes(golden.x[:2])
        cases.append(Case("missing_context", "log_prob", {"x": "golden/x_2.npy"}, error="missing_context"))
    files["golden/wrong_width.npy"] = npy_bytes(
        np.zeros((2, *golden.x.shape[1:-1], golden.x.shape[-1] + 1), np.float32)
    )
    wrong = {"x": "golden/wrong_width.npy"} | context
    cases.append(Case("wrong_width", "log_prob", wrong, error="wrong_shape"))
    noises = []
    for index, (seed, start, count) in enumerate(NOISE):
        files[f"golden/noise_{index}.npy"] = npy_bytes(normals(int(seed), start, count))
        noises.append(NoiseSpec(seed, start, f"golden/noise_{index}.npy"))
    own = UNSET if rounding is None else "golden/log_prob_of_sample_rounding.npy"
    return files, Golden(cases, "golden/log_prob_of_sample.npy", noises, rows_of, own)


def reference_part(scores: np.ndarray | None) -> Reference | None:
    """The percentiles of data's log_prob ``[rows]``, and the scores below the first, which tell finer thresholds."""
    if scores is None:
        return None
    quantiles = np.quantile(scores, np.linspace(0, 1, 101))
    # The order statistics on both sides of the first per cent, and all below.
    lowest = np.sort(scores)[: (len(scores) - 1) // 100 + 2]
    return Reference(len(scores), quantiles.tolist(), lowest.tolist())


def figures_of(report: Report) -> list[Figure]:
    """The figures of a verification, to three digits: more would say something of the machine."""
    return [
        Figure(check.name, check.subject, float(f"{check.figure:.2e}"), check.bound and float(f"{check.bound:.2e}"))
        for check in report.checks
        # One that is only reported may be infinite, which JSON cannot say.
        if check.figure is not None and math.isfinite(check.figure)
    ]
