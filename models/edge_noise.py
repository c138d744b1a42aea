"""Noise on edges for bundles whose weights are no longer at hand, from their graphs alone.

`flowexport export` takes rows on edges back through the trained flow. Here the sampler itself is turned around, by
Newton's method on the feature that is to come to its bound, and the graphs in float64 stand for the trained model,
which they are held to by all other golden cases.
"""

from __future__ import annotations

__all__ = ["EdgeRows", "edge_rows", "support_of"]

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from flowexport.bundle import Bundle
from flowexport.export.edge_noise import PUSHED, STEPS
from flowexport.export.edges import EDGE
from flowexport.proof.line import line_of

Sampler = Callable[[np.ndarray, int], np.ndarray]
"""Noise ``[rows, latent]`` and the golden row whose context they have → ``[rows, features]``, both float64."""

TOLD = 2.0**-40
"""The least distance from a bound, as a share of its size, that float64 still tells."""

NEWTON_STEPS = 50
STRIDE = 1e-6
"""Of the noise, between the two samples that tell a slope."""

SURE = 3.0
"""The most by which a step changes a number of the noise: further off, the slopes are others."""

CLOSE = 1e-6
"""Of a coordinate, which is the logarithm of a distance from a bound."""


@dataclass(frozen=True)
class EdgeRows:
    """What `flowexport.export.edge_noise.EdgeNoise` has, and what the graphs in float64 say of it.

    Arguments:
        z: ``[rows, latent]`` float32.
        row_of: the golden row whose context each has.
        sample: ``[rows, *event]``.
        x, log_prob: of the rows at the ends of splines, which are the first.
    """

    z: np.ndarray
    row_of: list[int]
    sample: np.ndarray
    x: np.ndarray
    log_prob: np.ndarray


def edge_rows(bundle: Bundle) -> EdgeRows:
    """Noise at the ends of a bundle's splines, then three rows for each bound of its features."""
    manifest = bundle.manifest
    case = max(
        (each for each in manifest.golden.cases if each.graph == "sample"), key=lambda each: (each.rows or [0])[-1]
    )
    noise = bundle.array(case.inputs["z"]).astype(np.float64)
    context = bundle.array(case.inputs["context"]).astype(np.float64) if "context" in case.inputs else None
    graphs = {name: in_float64(bundle.graph(name)[0]) for name in ("log_prob", "sample")}

    def run(graph: str, name: str, rows: np.ndarray, row_of: list[int]) -> np.ndarray:
        given = {} if context is None else {"context": context[row_of]}
        found: np.ndarray = graphs[graph].run(None, {name: rows.astype(np.float64), **given})[0]
        return found

    def sampler(z: np.ndarray, row: int) -> np.ndarray:
        return run("sample", "z", z, [row] * len(z)).reshape(len(z), -1)

    univariate = manifest.architecture["arguments"]["univariate"]
    end = univariate.get("bound") if isinstance(univariate, dict) else None
    latents = [] if end is None else [np.full(noise.shape[1], side * end * step) for side in (-1, 1) for step in STEPS]
    samples = run("sample", "z", noise, [*range(len(noise))]).reshape(len(noise), -1)
    aimed = [*bound_rows(bundle, sampler, noise, samples)]
    row_of = [0] * len(latents) + [row for row, _ in aimed]
    z = np.array([*latents, *(each for _, each in aimed)], np.float32)
    sample = run("sample", "z", z, row_of)
    x = sample[: len(latents)].astype(np.float32)
    log_prob = run("log_prob", "x", x, row_of[: len(x)]) if len(x) else np.empty(0)
    return EdgeRows(z, row_of, sample, x, log_prob)


def in_float64(data: bytes) -> ReferenceEvaluator:
    """A graph with every float32 number and type in float64."""
    model = onnx.load_from_string(data)
    for constant in model.graph.initializer:
        array = numpy_helper.to_array(constant)
        if array.dtype == np.float32:
            constant.CopyFrom(numpy_helper.from_array(array.astype(np.float64), constant.name))
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE
    return ReferenceEvaluator(model)


def support_of(bundle: Bundle) -> tuple[np.ndarray, np.ndarray]:
    """The lower and the upper bound of each number of an event, infinite where there is none."""
    manifest = bundle.manifest
    if not manifest.levels:
        return line_of(manifest).lower, line_of(manifest).upper
    # The logit map reaches a little beyond what a pixel can be.
    size = int(np.prod(manifest.event_shape))
    alpha = manifest.architecture["arguments"]["alpha"]
    beyond = alpha / (1 - 2 * alpha) * manifest.levels
    return np.full(size, -beyond), np.full(size, manifest.levels + beyond)


def bound_rows(
    bundle: Bundle, sampler: Sampler, noise: np.ndarray, samples: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
    """Of each bound three rows of noise, and the golden row that they start from: the one that comes nearest to it."""
    lower, upper = support_of(bundle)
    for feature in range(1 if bundle.manifest.levels else len(lower)):
        scale = bundle.manifest.scale[feature]
        for bound, side in ((lower[feature], -1), (upper[feature], 1)):
            if not math.isfinite(bound):
                continue
            row = int(np.abs(samples[:, feature] - bound).argmin())
            on_line = partial(line, lower, upper, sampler, row)
            aim, z = on_line(noise[row][None])[0], noise[row]
            width = math.log(upper[feature] - lower[feature]) if np.isfinite([lower, upper])[:, feature].all() else 0.0
            size = max(abs(bound), scale)
            pushed = math.log(PUSHED[1] * size) if bound == 0 else math.log(TOLD * size)
            for log_distance in (math.log(EDGE * scale), math.log(PUSHED[0] * size), pushed):
                aim[feature] = side * (width - log_distance)
                z = driven(on_line, z, aim)
                yield row, z


def line(lower: np.ndarray, upper: np.ndarray, sampler: Sampler, row: int, z: np.ndarray) -> np.ndarray:
    """Noise ``[rows, latent]`` → u = ln(x − a) − ln(b − x) of its samples, ``[rows, features]``."""
    x = sampler(z, row)
    below, above = np.isfinite(lower), np.isfinite(upper)
    from_below = np.log(np.where(below, x - np.where(below, lower, 0), 1))
    from_above = np.log(np.where(above, np.where(above, upper, 0) - x, 1))
    return np.where(below | above, from_below - from_above, x)


def driven(on_line: Callable[[np.ndarray], np.ndarray], z: np.ndarray, aim: np.ndarray) -> np.ndarray:
    """The noise whose sample is as aimed at, from ``z`` on."""
    for _ in range(NEWTON_STEPS):
        steps = STRIDE * np.eye(len(z))
        u = on_line(np.concatenate([z + steps, z[None]]))
        slopes = (u[:-1] - u[-1]) / STRIDE
        missing = aim - u[-1]
        if np.abs(missing).max() < CLOSE:
            break
        step = np.linalg.lstsq(slopes.T, missing)[0]
        z = z + step / max(1.0, np.abs(step).max() / SURE)
    return z
