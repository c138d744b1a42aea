"""What training starts from, and when an epoch counts as better than that."""

from __future__ import annotations

__all__ = ["clearly_better", "start_of_all_rows"]

import copy
import math

import torch
from torch import Tensor

from flowexport.flows import Flow

from .data import Rows
from .preparation import standardise

SURE = 1.5
"""Standard errors that a gain has to be: of ten epochs that learn nothing the best is one soon, and seldom this."""


def start_of_all_rows(flow: Flow, training: Rows, held_out: Rows) -> Flow:
    """What is kept of a new flow that whitens where no epoch is better: the Gaussian of all rows, held-out ones too.

    It has no choice left that held-out rows could judge, and the tenth that they are is worth having: 0.1 nats of 200
    rows of 20 features.

    Arguments:
        flow: as it came, before anything is set from rows.
        training, held_out: as they were split.
    """
    start = copy.deepcopy(flow)
    standardise(start, training.joined(held_out))
    return start


def clearly_better(gains: Tensor, weights: Tensor | None) -> bool:
    """Whether log_prob has gained on held-out rows by more than one and a half standard errors of the gain.

    A few rows soon find an epoch that is better on them and worse on all others. So the start, which nothing was chosen
    for, is left for a clear gain alone.

    Arguments:
        gains: ``[rows]``, log_prob after an epoch less that of the start, nats.
        weights: ``[rows]``, not negative.
    """
    share = torch.full_like(gains, 1 / len(gains)) if weights is None else weights / weights.sum()
    mean = (share * gains).sum()
    rows = 1 / float((share**2).sum())
    if not math.isfinite(mean) or rows < 2:
        return False
    variance = (share * (gains - mean) ** 2).sum() * rows / (rows - 1)
    return bool(mean > SURE * (variance / rows).sqrt())
