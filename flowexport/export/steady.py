"""Golden rows that a graph in float32 can be held to.

Rows of the tails, and of noise on edges, are drawn in by halves until float32 has digits left for them: behind many
layers whose scales may reach e^6.9 it has none ten deviations out, and no number at all beyond. A row of data that
float32 cannot be held to gives its place to another, and the user is told.
"""

from __future__ import annotations

__all__ = ["Steep", "steady_arrays"]

from dataclasses import dataclass
from typing import Literal

import numpy as np

from flowexport.flows import Flow
from flowexport.interop.original import Original
from flowexport.lowering import Form
from flowexport.proof.bounds import held

from .references import TAIL_ROWS, GoldenArrays, golden_arrays
from .rounding import Rounding, rounding_of

HALVINGS = 10
"""From ten deviations to a hundredth of one."""

NOTABLE = 1.0
"""Nats that float32 may cost a row of data without a word."""


@dataclass(frozen=True)
class Steep:
    """Rows of data whose density float32 has too few digits for.

    Arguments:
        rows, of: how many of how many golden rows may be off by more than a nat, or cannot be held to a bound.
        largest: what rounding may cost one of them, nats.
    """

    rows: int
    of: int
    largest: float


def steady_arrays(
    flow: Flow,
    form: Form,
    x: np.ndarray | None,
    context: np.ndarray | None,
    original: Original | None = None,
    rows_of: Literal["data", "samples"] = "data",
) -> tuple[GoldenArrays, Rounding, Steep | None]:
    """The golden arrays of a flow that is exported in float32, what rounding costs them, and what a user should know.

    Arguments:
        form: in float64.
        flow, x, context, original, rows_of: as for `golden_arrays`.
    """
    golden = golden_arrays(flow, x, context, original, rows_of)
    rounding = rounding_of(form, golden)
    steep = steep_rows(golden, rounding)
    order, near, edge_near = np.arange(len(golden.x)), np.ones(TAIL_ROWS), np.ones(len(golden.edge_z))
    for _ in range(HALVINGS):
        far = ~held(rounding.tail_log_prob, golden.tail_log_prob)[:TAIL_ROWS]
        far_edges = ~held_edges(golden, rounding)
        out = ~held(rounding.log_prob, golden.log_prob)
        # Where most rows are out there is nothing to put in their place: the check of rounding then says so.
        replaced = out.any() and 2 * out.sum() <= len(out)
        if not (far.any() or far_edges.any() or replaced):
            break
        near[far] /= 2
        edge_near[far_edges] /= 2
        if replaced:
            order[out] = np.resize(order[~out], out.sum())
        golden = golden_arrays(flow, x, context, original, rows_of, order, near, edge_near)
        rounding = rounding_of(form, golden)
    return golden, rounding, steep


def held_edges(golden: GoldenArrays, rounding: Rounding) -> np.ndarray:
    """Whether float32 can be held to each row of noise on edges, and to the density of its sample, ``[rows]``."""
    samples = held(rounding.edge_sample, golden.edge_sample, np.minimum(golden.scale, golden.sample.std(axis=0)))
    rows = np.asarray(samples.all(axis=tuple(range(1, samples.ndim))))
    rows[: len(golden.edge_x)] &= held(rounding.edge_log_prob, golden.edge_log_prob)
    return rows


def steep_rows(golden: GoldenArrays, rounding: Rounding) -> Steep | None:
    """The rows of data that a user should know of, if there are any."""
    steep = (rounding.log_prob > NOTABLE) | ~held(rounding.log_prob, golden.log_prob)
    if not steep.any():
        return None
    return Steep(int(steep.sum()), len(steep), float(rounding.log_prob[steep].max()))
