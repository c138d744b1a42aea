r"""What float32 alone costs: how far rounding takes each golden number from what it is.

The graph is run in float32 with every constant that float32 does not hold moved at random, by up to half a unit in the
last place, and the largest change from its float64 values over several draws is kept:

.. math:: r = \max_k | f_{32}(x; \theta (1 + 2^{-24} \epsilon_k)) - f_{64}(x; \theta) |, \qquad \epsilon_k \sim U(-1, 1)

Smooth activations are moved too, by what runtimes are off there where numpy is not.

Both sides are the same lean form, so a graph that says something else than the trained flow has a small r like any
other. To move weights and inputs in float64 alone was measured beside this: it misses what is lost between operators
(errors of up to 30 times the estimate where features are many), and for a table at 10,000 ± 1 it moves an exact mean
and gives a thousand times too much. To move every result of every operator (Monte Carlo arithmetic; Parker, 1997) says
the same as this within a factor of two, at five times the cost.

References:
    Monte Carlo Arithmetic: exploiting randomness in floating-point arithmetic (Parker, 1997), UCLA CSD-970002
"""

from __future__ import annotations

__all__ = ["Rounding", "rounding_of"]

from dataclasses import dataclass

import numpy as np

from flowexport.lowering import Form
from flowexport.training.threads import torch_threads

from .references import GoldenArrays

DRAWS = 8
"""The largest of so many is seldom below half of what another runtime does; each costs a pass in float32."""


@dataclass(frozen=True)
class Rounding:
    """How far float32 takes the golden arrays of the same names, ``float32`` and not negative.

    Arguments:
        log_prob, tail_log_prob, edge_log_prob, log_prob_of_sample: ``[rows]``, nats.
        sample, edge_sample: ``[rows, *event]``, in the units of each feature.
    """

    log_prob: np.ndarray
    tail_log_prob: np.ndarray
    edge_log_prob: np.ndarray
    sample: np.ndarray
    edge_sample: np.ndarray
    log_prob_of_sample: np.ndarray


def rounding_of(form: Form, golden: GoldenArrays) -> Rounding:
    """Estimates the rounding of each golden number, the same at every call.

    Arguments:
        form: the flow as it is exported, in float64.
        golden: inputs.
    """
    draw = np.random.default_rng(0)
    # Beyond what float32 holds it is infinite.
    with torch_threads(1), np.errstate(all="ignore"):
        exact = outputs(form, np.dtype("float64"), golden)
        largest = [np.zeros_like(each) for each in exact]
        for _ in range(DRAWS):
            moved = outputs(form.rounded(draw), np.dtype("float32"), golden)
            largest = [np.maximum(r, distance(*pair)) for r, *pair in zip(largest, moved, exact, strict=True)]
        return Rounding(*(each.astype(np.float32) for each in largest))


def outputs(form: Form, dtype: np.dtype, golden: GoldenArrays) -> list[np.ndarray]:
    """The numbers that `Rounding` has, of a form in a type, in float64."""

    def given(array: np.ndarray | None, rows: int) -> np.ndarray | None:
        return None if array is None else array[:rows].astype(dtype)

    # A flow without edges has no rows on them, which torch's modules cannot take.
    def log_prob(x: np.ndarray, context: np.ndarray | None) -> np.ndarray:
        return form.log_prob(x.astype(dtype), given(context, len(x))) if len(x) else np.empty(0)

    def sample(z: np.ndarray, context: np.ndarray | None) -> np.ndarray:
        return form.sample(z.astype(dtype), given(context, len(z))) if len(z) else golden.edge_sample

    samples = sample(golden.z, golden.context)
    found = [
        log_prob(golden.x, golden.context),
        log_prob(golden.tail_x, golden.context),
        log_prob(golden.edge_x, golden.edge_context),
        samples,
        sample(golden.edge_z, golden.edge_context),
        log_prob(samples, golden.context),
    ]
    return [each.astype(np.float64) for each in found]


def distance(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """|found − exact|, nothing between equal infinities, infinite where float32 has no number."""
    apart = np.where(found == exact, 0, np.abs(found - exact))
    return np.where(np.isnan(apart), np.inf, apart)
