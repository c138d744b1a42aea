"""How good a trained flow is on its held-out rows, beside a Gaussian of its training rows."""

from __future__ import annotations

__all__ = ["judged"]

import numpy as np
import torch
from torch import Tensor

from flowexport.bundle.schema import Quality
from flowexport.evaluation import Sample, design, quality_of
from flowexport.flows import Flow

from .data import Rows
from .epoch import log_prob_of
from .images import dequantised
from .preparation import tensors


def judged(flow: Flow, training: Rows, held_out: Rows, seed: int, log_prob: Tensor | None = None) -> Quality | None:
    """The NLL of held-out rows; of the training rows where none are held out.

    Arguments:
        flow: the trained flow, in eval mode.
        training, held_out: as they were split.
        seed: of the noise that images are evaluated with.
        log_prob: ``[rows]`` nats, of the held-out rows, where the flow that is kept has seen them.
    """
    kept = held_out if len(held_out) else training
    if log_prob is None:
        x, context, _ = tensors(kept, flow)
        log_prob = log_prob_of(flow, x if flow.levels is None else dequantised(x, seed), context)
    nats = log_prob.cpu().numpy()
    rows = sample_of(flow, kept, seed)
    if not len(held_out):
        return quality_of(nats, rows, "training rows")
    return quality_of(nats, rows, "held-out rows", sample_of(flow, training, seed))


def sample_of(flow: Flow, rows: Rows, seed: int) -> Sample:
    """Rows as simple densities are fitted on; images with the noise that they are evaluated with."""
    x = rows.x
    if flow.levels is not None:
        x = dequantised(torch.from_numpy(x), seed).numpy()
    return Sample(np.ascontiguousarray(x), design(rows.context, len(rows), flow.categories), rows.weights)
