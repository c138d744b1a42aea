"""References made afresh from a trained flow: what `verify --checkpoint` holds a bundle to, and the way back to z."""

from __future__ import annotations

__all__ = ["latent_of", "references_from", "references_of_checkpoint", "target_of"]

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from flowexport.bundle import DIRECTIONS
from flowexport.flows import Flow
from flowexport.lowering import lowered
from flowexport.proof import ReferenceCase, References
from flowexport.training import Checkpoint

from .references import GoldenArrays, GoldenCase, golden_cases, optional, tensor
from .rounding import Rounding
from .said import said_checks
from .steady import steady_arrays


def references_from(flow: Flow, x: np.ndarray | None, context: np.ndarray | None) -> References:
    """Fresh references of a trained flow, with its latent map for the round trip."""
    golden, rounding, _ = steady_arrays(flow, lowered(flow), x, context)

    def rows(array: str, case: GoldenCase, of: GoldenArrays | Rounding = golden) -> np.ndarray:
        start, stop = case.rows
        found: np.ndarray = getattr(of, array)[start:stop]
        return found

    cases = [
        ReferenceCase(
            case.name,
            case.graph,
            {key: rows(array, case) for key, array in case.inputs.items()},
            rows(case.expected, case),
            rows(case.expected, case, rounding),
        )
        for case in golden_cases(golden, DIRECTIONS)
    ]
    return References(
        cases,
        golden.z,
        golden.context,
        golden.log_prob_of_sample,
        latent_of(flow),
        target_of(flow, golden.z),
        rounding.log_prob_of_sample,
    )


def references_of_checkpoint(checkpoint: Checkpoint) -> References:
    """Fresh references of a run folder, which hold a bundle to its names, weights and graphs as well."""
    x, context = (None if t is None else t.double().numpy() for t in (checkpoint.x, checkpoint.context))
    references = references_from(checkpoint.flow, x, context)
    return replace(references, said=lambda bundle: said_checks(bundle, checkpoint))


def latent_of(flow: Flow) -> Callable[[np.ndarray, np.ndarray | None], np.ndarray]:
    """The flow's x → z in float64, on arrays."""
    exact = copy.deepcopy(flow).double().cpu().eval()

    @torch.no_grad()
    def latent(x: np.ndarray, context: np.ndarray | None) -> np.ndarray:
        return exact.forward_and_log_det(tensor(x), optional(context))[0].numpy()

    return latent


def target_of(flow: Flow, z: np.ndarray) -> np.ndarray:
    """The latent that each row of noise becomes at the base, ``[rows, features]`` in float64."""
    with torch.no_grad():
        target: np.ndarray = copy.deepcopy(flow).double().cpu().base.latent(tensor(z)).numpy()
    return target
