"""The golden arrays: inputs, and what a trained flow says of them in float64."""

from __future__ import annotations

__all__ = [
    "BATCHES",
    "GoldenArrays",
    "GoldenCase",
    "further_arrays",
    "golden_arrays",
    "golden_cases",
    "optional",
    "tensor",
]

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from flowexport.bundle import DIRECTIONS, GRAPHS
from flowexport.bundle.graphs import Row
from flowexport.flows import Flow
from flowexport.interop.original import Original
from flowexport.lowering import plain
from flowexport.runtime import normals
from flowexport.training.threads import torch_threads

from .edge_noise import edge_noise
from .edges import code_ends, edge_rows, inside

ROWS = 1000
"""Rows of data and of noise in the golden arrays."""

TAIL_ROWS = 64
TAIL_REACH = 10.0
"""Standard deviations from the mean that the tail rows reach."""

BATCHES = (1, 2, 7, 64, 256, 1000)
"""Batch sizes at which parity is checked, as far as there are rows: one, two, an odd one, and larger ones."""

IMAGE_ROWS = 64
"""The same for images, whose rows are larger."""

STARTS = {1: 0, 2: 1, 7: 3, 64: 0, 256: 10, 1000: 0}
"""Where the rows of each batch begin in the golden arrays: not all at the same row."""

FIRST: Mapping[Row, str] = {"event": "x", "latent": "z"}
"""The golden array of what a graph takes."""

REFERENCE_ROWS = 10_000
"""Rows of data whose scores make the percentiles."""


@dataclass(frozen=True)
class GoldenArrays:
    """Inputs in float32, and what the trained flow says of them in float64.

    Arguments:
        x: ``[1000, *event]`` of data (64 for images).
        tail_x: ``[64, *event]`` up to ten deviations away and, behind them, rows on the edges of the density.
        z: ``[1000, latent]``, the noise of seed 0.
        context: ``[1000, context]`` of each of these rows, or None.
        log_prob, tail_log_prob: nats.
        sample: ``[1000, *event]``, x of each z.
        log_prob_of_sample: base(u) − ln |det ∂x/∂u| at the latent u of each z, nats.
        scores: log_prob of up to 10,000 data rows, evenly from all of them, or None without data.
        scale: the standard deviation of each feature.
        edge_z: ``[rows, latent]``, noise on edges, from `edge_noise`; no rows for a flow without edges.
        edge_context: of each of these, or None.
        edge_sample: ``[rows, *event]``, x of each.
        edge_x: the first of these samples, those at the ends of splines of the latent, in float32.
        edge_log_prob: nats of each of those.
    """

    x: np.ndarray
    tail_x: np.ndarray
    z: np.ndarray
    context: np.ndarray | None
    log_prob: np.ndarray
    tail_log_prob: np.ndarray
    sample: np.ndarray
    log_prob_of_sample: np.ndarray
    scores: np.ndarray | None
    scale: np.ndarray
    edge_z: np.ndarray
    edge_context: np.ndarray | None
    edge_sample: np.ndarray
    edge_x: np.ndarray
    edge_log_prob: np.ndarray


def golden_arrays(
    flow: Flow,
    x: np.ndarray | None,
    context: np.ndarray | None,
    original: Original | None = None,
    rows_of: Literal["data", "samples"] = "data",
    order: np.ndarray | None = None,
    near: float | np.ndarray = 1.0,
    edge_near: float | np.ndarray = 1.0,
) -> GoldenArrays:
    """Makes the golden arrays, with one torch thread.

    Arguments:
        flow: the trained flow, of any type.
        x: ``[rows, *event]`` of data, or None for the flow's own samples.
        context: ``[rows, context]`` of the data, where the flow has one.
        original: of an adopted flow, what the library that trained it says of it; all densities and samples are then
            that library's.
        rows_of: what the golden rows and their contexts are taken from; scores and scale are of the data in any case.
        order: which of the golden rows stand at each place, by default each at its own.
        near: what part of ten deviations the rows of the tails reach, ``[64]`` or one number.
        edge_near: what part of the way to their edges the rows of ``edge_z`` have gone, a number each or one.
    """
    exact = copy.deepcopy(flow).double().cpu().eval()
    count = ROWS if len(flow.event_shape) == 1 else IMAGE_ROWS
    # One thread: sums then have one order, and two exports the same bytes.
    with torch_threads(1), torch.no_grad():
        z = normals(0, 0, count * flow.latent_size).reshape(count, -1)
        order = np.arange(count) if order is None else order
        contexts = golden_context(exact, context if rows_of == "data" else None, count)
        contexts = None if contexts is None else contexts[order]
        numbers = own_numbers(exact) if original is None else original
        sample, log_prob_of_sample = numbers.sample_and_log_prob(tensor(z), optional(contexts))
        rows = sample.numpy() if x is None else x
        data = spread(rows if rows_of == "data" else sample.numpy(), count).astype(np.float32)[order]
        scale = scale_of(rows)
        mean = rows.mean(axis=0, dtype=np.float64)
        tail = with_edges(exact, tail_rows(exact, mean, scale, near), edge_rows(exact, data[0], mean, scale))
        edges = edge_noise(exact, z, contexts, scale, edge_near)
        edge_sample = samples_of(numbers, edges.z, edges.context, exact.event_shape)
        edge_x = edge_sample[: edges.latent].astype(np.float32)
        scores = None
        if x is not None:
            known = min(len(x), REFERENCE_ROWS)
            scores = scores_of(numbers, spread(x, known), None if context is None else spread(context, known))
        return GoldenArrays(
            x=data,
            tail_x=tail,
            z=z,
            context=contexts,
            log_prob=numbers.log_prob(tensor(data), optional(contexts)).numpy(),
            tail_log_prob=numbers.log_prob(
                tensor(tail), optional(None if contexts is None else contexts[: len(tail)])
            ).numpy(),
            sample=sample.numpy(),
            log_prob_of_sample=log_prob_of_sample.numpy(),
            scores=scores,
            scale=scale,
            edge_z=edges.z,
            edge_context=edges.context,
            edge_sample=edge_sample,
            edge_x=edge_x,
            edge_log_prob=scores_of(numbers, edge_x, None if edges.context is None else edges.context[: edges.latent]),
        )


def own_numbers(exact: Flow) -> Original:
    """What a flow in float64 says of itself."""

    def sample_and_log_prob(z: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        u = exact.base.latent(z)
        x, log_det = exact.inverse_and_log_det(u, context)
        return x, exact.base.log_prob(u) - log_det

    return Original("flowexport", exact.features, exact.context, exact.log_prob, sample_and_log_prob)


def samples_of(numbers: Original, z: np.ndarray, context: np.ndarray | None, event: tuple[int, ...]) -> np.ndarray:
    """x of noise ``[rows, latent]``; of no rows a library that was adopted is not asked."""
    return numbers.sample_and_log_prob(tensor(z), optional(context))[0].numpy() if len(z) else np.empty((0, *event))


def scores_of(numbers: Original, x: np.ndarray, context: np.ndarray | None) -> np.ndarray:
    """log_prob of rows ``[rows, *event]``, a part at a time: hidden images of many rows take gigabytes."""
    if not len(x):
        return np.empty(0)
    spans = [slice(start, start + ROWS) for start in range(0, len(x), ROWS)]
    parts = [numbers.log_prob(tensor(x[span]), optional(None if context is None else context[span])) for span in spans]
    return torch.cat(parts).numpy()


def scale_of(rows: np.ndarray) -> np.ndarray:
    """The standard deviation of each feature, ``[*event]``; one that never varies takes the mean of the others."""
    scale: np.ndarray = rows.astype(np.float64).std(axis=0)
    varied = scale[scale > 0]
    return np.where(scale > 0, scale, varied.mean() if len(varied) else 1.0)


def tail_rows(exact: Flow, mean: np.ndarray, scale: np.ndarray, near: float | np.ndarray) -> np.ndarray:
    """Rows up to ten deviations from the mean, or a part of that, cut to the support of bounded features."""
    reach = np.random.default_rng(0).uniform(-TAIL_REACH, TAIL_REACH, (TAIL_ROWS, *mean.shape))
    parts = np.broadcast_to(near, TAIL_ROWS).reshape(-1, *(1 for _ in mean.shape))
    tail = mean + scale * reach * parts
    return inside(exact, tail, scale).astype(np.float32)


def with_edges(exact: Flow, tail: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Tail rows and, behind them, rows on edges; of images these are the last of the tail, which stays as it is."""
    if exact.levels is None:
        return np.concatenate([tail, edges])
    return np.concatenate([tail[: len(tail) - len(edges)], edges])


def golden_context(exact: Flow, context: np.ndarray | None, count: int) -> np.ndarray | None:
    """The context of each golden row: the data's, or draws of the mean, scale and categories that the flow knows."""
    if exact.standardize_context is None:
        return None
    if context is None:
        noise = normals(1, 0, count * exact.context).reshape(count, -1)
        context = exact.standardize_context.inverse(tensor(noise)).numpy()
        for column, categories in enumerate(exact.encoder.categories if exact.encoder is not None else ()):
            if categories:
                context[:, column] = np.arange(count) % categories
    return code_ends(exact, spread(context, count)).astype(np.float32)


@dataclass(frozen=True)
class GoldenCase:
    """Rows of golden arrays, named by their fields: the inputs of a graph, and what is expected of it."""

    name: str
    graph: str
    inputs: dict[str, str]
    expected: str
    rows: tuple[int, int]


def golden_cases(golden: GoldenArrays, graphs: Sequence[str]) -> list[GoldenCase]:
    """Every case of some graphs: each at every batch size, log_prob in the tails and on edges, samples on edges."""
    context = {} if golden.context is None else {"context": "context"}
    spans = {rows: (STARTS[rows], STARTS[rows] + rows) for rows in BATCHES if rows <= len(golden.x)}
    edges = []
    if len(golden.tail_x) > TAIL_ROWS:
        name, rows = f"edges_{len(golden.tail_x) - TAIL_ROWS}", (TAIL_ROWS, len(golden.tail_x))
        edges = [GoldenCase(name, "log_prob", {"x": "tail_x"} | context, "tail_log_prob", rows)]
    of_edges = {} if golden.context is None else {"context": "edge_context"}
    latent, all_edges = len(golden.edge_x), len(golden.edge_z)
    if latent:
        rows = (0, latent)
        edges.append(
            GoldenCase(f"edge_latents_{latent}", "log_prob", {"x": "edge_x"} | of_edges, "edge_log_prob", rows)
        )
    samples = []
    if all_edges:
        rows = (0, all_edges)
        samples = [GoldenCase(f"edge_noise_{all_edges}", "sample", {"z": "edge_z"} | of_edges, "edge_sample", rows)]
    others = [
        GoldenCase(f"{name}_{n}", name, {first: FIRST[GRAPHS[name].takes]} | context, expected_of(name), span)
        for name in graphs
        # The golden numbers of these are the trained flow's own, those of others its program's in float64.
        if name not in DIRECTIONS
        for first in [GRAPHS[name].first]
        for n, span in spans.items()
    ]
    cases = [
        *(GoldenCase(f"data_{n}", "log_prob", {"x": "x"} | context, "log_prob", span) for n, span in spans.items()),
        GoldenCase("tails_64", "log_prob", {"x": "tail_x"} | context, "tail_log_prob", (0, TAIL_ROWS)),
        *edges,
        *(GoldenCase(f"noise_{n}", "sample", {"z": "z"} | context, "sample", span) for n, span in spans.items()),
        *samples,
        *others,
    ]
    return [case for case in cases if case.graph in graphs]


def further_arrays(flow: Flow, golden: GoldenArrays, graphs: Sequence[str]) -> dict[str, np.ndarray]:
    """What graphs beside log_prob and sample say of the golden rows in float64, by the names of `expected_of`.

    Raises:
        ExportError: for flows of images, which have no such graphs.
    """
    context = None if golden.context is None else golden.context.astype(np.float64)
    return {
        expected_of(name): plain(flow).says(name, getattr(golden, FIRST[GRAPHS[name].takes]).astype(float), context)
        for name in graphs
        if name not in DIRECTIONS
    }


def expected_of(graph: str) -> str:
    """What the golden array of a further graph is called."""
    return f"graph_{graph}"


def spread(rows: np.ndarray, count: int) -> np.ndarray:
    """``count`` rows, evenly from all of them since tables are often sorted; several times over where fewer."""
    return rows[np.arange(count) * len(rows) // count] if len(rows) >= count else rows[np.arange(count) % len(rows)]


def tensor(array: np.ndarray) -> Tensor:
    """The array in float64."""
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64))


def optional(array: np.ndarray | None) -> Tensor | None:
    """The array in float64, where there is one."""
    return None if array is None else tensor(array)
