r"""What float32 alone costs: how far rounding takes each golden number from what it is.

The graph is run in float32 with every constant that float32 does not hold moved at random, by up to half a unit in the
last place, and the largest change from its float64 values over several draws is kept:

.. math:: r = \max_k | f_{32}(x; \theta (1 + 2^{-24} \epsilon_k)) - f_{64}(x; \theta) |, \qquad \epsilon_k \sim U(-1, 1)

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

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from flowexport.training.threads import torch_threads

from .lean import LeanFlow
from .references import GoldenArrays

DRAWS = 8
"""The largest of so many is seldom below half of what another runtime does; each costs a pass in float32."""

HALF_ULP = 2.0**-24
"""The most by which rounding to float32 moves a number, relative."""


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


@torch.no_grad()
def rounding_of(lean: LeanFlow, golden: GoldenArrays) -> Rounding:
    """Estimates the rounding of each golden number, the same at every call.

    Arguments:
        lean: the form that is exported, folded and in float64; it is not changed.
        golden: inputs.
    """
    generator = torch.Generator().manual_seed(0)
    with torch_threads(1):
        exact = outputs(lean, torch.float64, golden)
        largest = [torch.zeros_like(each) for each in exact]
        for _ in range(DRAWS):
            moved = outputs(moved_constants(lean, generator).float(), torch.float32, golden)
            largest = [torch.maximum(r, distance(*pair)) for r, *pair in zip(largest, moved, exact, strict=True)]
    # Beyond what float32 holds it is infinite.
    with np.errstate(over="ignore"):
        return Rounding(*(each.numpy().astype(np.float32) for each in largest))


def outputs(lean: LeanFlow, dtype: torch.dtype, golden: GoldenArrays) -> list[Tensor]:
    """The numbers that `Rounding` has, of the lean form in a type, in float64."""

    def given(array: np.ndarray | None, rows: int) -> Tensor | None:
        return None if array is None else torch.from_numpy(array[:rows]).to(dtype)

    # A flow without edges has no rows on them, which the lean form cannot take.
    def log_prob(x: np.ndarray, context: np.ndarray | None) -> Tensor:
        return lean.log_prob(given(x, len(x)), given(context, len(x))) if len(x) else torch.empty(0)  # type: ignore[arg-type]

    def sample(z: np.ndarray, context: np.ndarray | None) -> Tensor:
        return lean.sample(given(z, len(z)), given(context, len(z))) if len(z) else torch.empty(0, *lean.event_shape)  # type: ignore[arg-type]

    samples = sample(golden.z, golden.context)
    found = [
        log_prob(golden.x, golden.context),
        log_prob(golden.tail_x, golden.context),
        log_prob(golden.edge_x, golden.edge_context),
        samples,
        sample(golden.edge_z, golden.edge_context),
        lean.log_prob(samples, given(golden.context, len(samples))),
    ]
    return [each.double() for each in found]


def moved_constants(lean: LeanFlow, generator: torch.Generator) -> LeanFlow:
    """A copy with the constants moved that float32 does not hold exactly."""
    moved = copy.deepcopy(lean)
    for constant in [*moved.parameters(), *moved.buffers()]:
        if constant.is_floating_point():
            by = torch.rand(constant.shape, generator=generator, dtype=torch.float64) * 2 - 1
            constant.mul_(torch.where(constant.float().double() == constant, 1, 1 + HALF_ULP * by))
    return moved


def distance(found: Tensor, exact: Tensor) -> Tensor:
    """|found − exact|, nothing between equal infinities, infinite where float32 has no number."""
    return torch.where(found == exact, 0, (found - exact).abs()).nan_to_num(nan=torch.inf, posinf=torch.inf)
