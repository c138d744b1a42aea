"""What ``flow.json`` says of an exported flow: signatures, golden files, and the figures of the proof."""

from __future__ import annotations

__all__ = ["figures_of", "golden_part", "graphs_part", "manifest_of", "reference_part", "versions"]

import math
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Literal

import numpy as np
from msgspec import UNSET, UnsetType

from flowexport import __version__
from flowexport.bundle import GRAPHS, GraphKind, Manifest, both_directions, npy_bytes
from flowexport.bundle.operators import OPSET
from flowexport.bundle.schema import (
    FORMAT,
    Case,
    ContextFeature,
    Dtype,
    Figure,
    Golden,
    GraphSpec,
    NoiseSpec,
    Quality,
    Reference,
    TensorSpec,
    Tolerance,
)
from flowexport.column import numbered
from flowexport.flows import Flow, architecture_of
from flowexport.proof import Report
from flowexport.runtime import normals

from .facts import facts_of
from .given import Given
from .references import GoldenArrays, golden_cases
from .rounding import Rounding

NOISE = (("0", 3, 1000), ("9223372036854775813", 0, 1000))
"""Seed, start and count of the golden noise: one slice that begins inside a block, one seed above 2⁶³."""


BESIDE = ("scores", "scale")
"""Of the golden arrays those that are no files."""


def manifest_of(
    flow: Flow,
    given: Given,
    graphs: dict[str, GraphSpec],
    arrays: GoldenArrays,
    golden: Golden,
    *,
    name: str,
    description: str,
    dtype: Dtype,
    provenance: dict[str, str],
    quality: Quality | UnsetType,
) -> Manifest:
    """``flow.json`` of an exported flow, but for the hashes of its files and the figures of the proof.

    Arguments:
        given: the columns.
        graphs: from `graphs_part`.
        arrays, golden: from `golden_part`.
        name, description, dtype, provenance, quality: as `flowexport.export` takes them.
    """
    # Pixels that nobody named have no names.
    unnamed = flow.levels and given.feature_columns == numbered("x", flow.features)
    return Manifest(
        format=FORMAT,
        name=name,
        # One line, as every text of flow.json.
        description=" ".join(description.split()),
        dtype=dtype,
        event_shape=list(flow.event_shape),
        latent_size=flow.latent_size,
        context_size=flow.context,
        features=None if unnamed else [column.name for column in given.feature_columns],
        context_features=[ContextFeature(each.name, each.categories) for each in given.context_columns] or None,
        architecture=architecture_of(flow),
        graphs=graphs,
        files={},
        tolerance={graph: Tolerance(GRAPHS[graph].atol, GRAPHS[graph].rtol) for graph in graphs},
        scale=arrays.scale.ravel().tolist(),
        reference=reference_part(arrays.scores),
        golden=golden,
        provenance=provenance,
        levels=flow.levels or UNSET,
        selector=flow.latent_size > flow.features or UNSET,
        quality=quality,
        discrete={column.name: column.step for column in given.feature_columns if column.step} or UNSET,
    )


def versions() -> dict[str, str]:
    """Of what decides about the bytes of a bundle."""
    torch = metadata.version("torch").split("+")[0]
    return {"flowexport": __version__, "torch": torch, "onnx": metadata.version("onnx")}


def graphs_part(flow: Flow, graphs: Sequence[str], dtype: Dtype, files: Mapping[str, bytes]) -> dict[str, GraphSpec]:
    """The signatures of the graphs, and what a runtime needs to know of them."""

    def spec(kind: GraphKind) -> GraphSpec:
        facts = facts_of(files[kind.file])
        inputs, output = kind.tensors(flow.event_shape, flow.latent_size, flow.context)
        return GraphSpec(
            file=kind.file,
            opset=OPSET,
            inputs=[TensorSpec(key, dtype, ["batch", *shape]) for key, shape in inputs],
            outputs=[TensorSpec(output[0], dtype, ["batch", *output[1]])],
            widest=UNSET if facts is None else facts.widest,
            between=UNSET if facts is None else facts.between,
        )

    return {name: spec(GRAPHS[name]) for name in graphs}


def golden_part(
    golden: GoldenArrays,
    graphs: Sequence[str],
    further: Mapping[str, np.ndarray],
    rows_of: Literal["data", "samples"],
    rounding: Rounding | None,
) -> tuple[dict[str, bytes], Golden]:
    """The golden files, and what ``flow.json`` says of them.

    Arguments:
        graphs: that the bundle is to hold.
        further: from `further_arrays`.
        rounding: of the expected numbers in float32, or None for graphs in float64.
    """
    arrays = {field: array for field, array in vars(golden).items() if field not in BESIDE}
    arrays |= further
    roundings = {} if rounding is None else vars(rounding)
    used: dict[str, None] = {}
    cases = []
    for case in golden_cases(golden, graphs):
        output = GRAPHS[case.graph].output
        used |= dict.fromkeys([*case.inputs.values(), case.expected])
        kept = {output: f"golden/{case.expected}_rounding.npy"} if case.expected in roundings else None
        inputs = {key: f"golden/{field}.npy" for key, field in case.inputs.items()}
        expected = {output: f"golden/{case.expected}.npy"}
        cases.append(Case(case.name, case.graph, inputs, expected, kept, list(case.rows)))
    both = both_directions(graphs)
    if both:
        used["log_prob_of_sample"] = None
    files = {f"golden/{field}.npy": npy_bytes(array) for field, array in arrays.items() if field in used}
    files |= {f"golden/{field}_rounding.npy": npy_bytes(array) for field, array in roundings.items() if field in used}
    first = GRAPHS[graphs[0]]
    rows = golden.x if first.takes == "event" else golden.z
    context = {} if golden.context is None else {"context": "golden/context_2.npy"}
    if golden.context is not None:
        files["golden/context_2.npy"] = npy_bytes(golden.context[:2])
        two = f"golden/{first.first}_2.npy"
        files[two] = npy_bytes(rows[:2])
        cases.append(Case("missing_context", first.name, {first.first: two}, error="missing_context"))
    files["golden/wrong_width.npy"] = npy_bytes(np.zeros((2, *rows.shape[1:-1], rows.shape[-1] + 1), np.float32))
    wrong = {first.first: "golden/wrong_width.npy"} | context
    cases.append(Case("wrong_width", first.name, wrong, error="wrong_shape"))
    noises = []
    for index, (seed, start, count) in enumerate(NOISE):
        files[f"golden/noise_{index}.npy"] = npy_bytes(normals(int(seed), start, count))
        noises.append(NoiseSpec(seed, start, f"golden/noise_{index}.npy"))
    of_direction = "golden/log_prob_of_sample.npy" if both else UNSET
    own = "golden/log_prob_of_sample_rounding.npy" if both and rounding is not None else UNSET
    return files, Golden(cases, of_direction, noises, rows_of, own)


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
