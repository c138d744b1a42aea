"""Rows as standard normals: what their latents are if the flow is true."""

from __future__ import annotations

__all__ = ["normal_scores"]

import copy

import numpy as np
import torch

from flowexport.flows import Flow
from flowexport.flows.base import GaussianMixture

BLOCK_ROWS = 4096

LARGEST = 8.2
"""Of a score that goes through a probability: beyond it float64 says 1."""


@torch.no_grad()
def normal_scores(flow: Flow, x: np.ndarray, context: np.ndarray | None) -> np.ndarray:
    """The latent of each row in float64, coordinate by coordinate a standard normal if the flow is true.

    Where the base is a mixture, a coordinate goes through that mixture's distribution function and the inverse of the
    normal's: Φ⁻¹(Σ w Φ((u − μ) / σ)).

    Arguments:
        x: ``[rows, features]``.
        context: ``[rows, context]``, where the flow has one.

    Returns:
        ``[rows, features]``.
    """
    exact = copy.deepcopy(flow).double().cpu().eval()
    scores = []
    for start in range(0, len(x), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        rows = torch.from_numpy(np.ascontiguousarray(x[block], np.float64)).reshape(-1, *flow.event_shape)
        given = None if context is None else torch.from_numpy(np.ascontiguousarray(context[block], np.float64))
        latent = exact.forward_and_log_det(rows, given)[0].reshape(len(rows), -1)
        if isinstance(exact.base, GaussianMixture):
            deviations = (latent.unsqueeze(-2) - exact.base.means) / exact.base.log_scales.exp()
            weights = exact.base.logits.softmax(0).unsqueeze(-1)
            latent = torch.special.ndtri((weights * torch.special.ndtr(deviations)).sum(-2)).clamp(-LARGEST, LARGEST)
        scores.append(latent)
    return torch.cat(scores).numpy()
