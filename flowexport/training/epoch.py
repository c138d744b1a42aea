"""One epoch: a pass over the training rows, and what held-out rows then say of the flow."""

from __future__ import annotations

__all__ = ["Batches", "Held", "log_prob_of", "nll_of", "run_epoch", "schedule"]

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from flowexport.flows import Flow

from .compiled import LogProb
from .data import Rows
from .descent import Descent
from .discrete import Steps
from .images import EVALUATION_IMAGES, dequantised
from .preparation import noisy, tensors
from .recipe import TrainingSpec

EVALUATION_ROWS = 16_384
"""Rows evaluated at a time, so that held-out rows do not decide the memory of training."""


@dataclass(frozen=True)
class Batches:
    """The training rows, as a pass over them takes them.

    Arguments:
        x, context, weights: of all rows, the last two where there are any.
        size: rows of a batch.
        discrete: the steps of features, where any are discrete.
    """

    x: Tensor
    context: Tensor | None
    weights: Tensor | None
    size: int
    discrete: Steps | None

    @staticmethod
    def of(flow: Flow, rows: Rows, size: int) -> Batches:
        """Rows for a flow, of its type and on its device."""
        return Batches(*tensors(rows, flow), size, Steps.of(flow, rows.feature_columns))

    def __len__(self) -> int:
        return math.ceil(len(self.x) / self.size)


@dataclass(frozen=True)
class Held:
    """The rows that epochs are told apart by.

    Arguments:
        x, context: of all rows, of the flow's type and on its device.
        weights: ``[rows]`` float64 on the CPU, where there are any.
    """

    x: Tensor
    context: Tensor | None
    weights: Tensor | None

    @staticmethod
    def of(flow: Flow, rows: Rows, seed: int) -> Held:
        """Rows for a flow; images with the same noise after every epoch, so that weights alone tell epochs apart."""
        x, context, weights = tensors(rows, flow)
        weights = None if weights is None else weights.double().cpu()
        return Held(x if flow.levels is None else dequantised(x, seed), context, weights)

    def score(self, flow: Flow) -> tuple[Tensor, float]:
        """log_prob ``[rows]`` float64, and its NLL, in nats."""
        log_prob = log_prob_of(flow, self.x, self.context)
        return log_prob, nll_of(log_prob, self.weights)


def run_epoch(
    flow: Flow, averaged: Flow, descent: Descent, rows: Batches, spec: TrainingSpec, done: int, density: LogProb
) -> tuple[list[float], list[float]]:
    """One pass over the training rows in a new order: the losses and the gradient norms of its steps.

    Arguments:
        flow: that is trained.
        averaged: that gets the average of its weights, or the flow itself where none is kept.
        descent: of both.
        rows: that it is trained on.
        spec: of the training.
        done: the steps before.
        density: the flow's log_prob, maybe compiled.
    """
    flow.train()
    order = torch.randperm(len(rows.x))
    x, context, weights = (None if each is None else each[order] for each in (rows.x, rows.context, rows.weights))
    assert x is not None
    losses: list[float] = []
    norms: list[float] = []
    for step in range(len(rows)):
        batch = slice(step * rows.size, (step + 1) * rows.size)
        rows_in = x[batch] if flow.levels is None else dequantised(x[batch])
        if rows.discrete is not None:
            rows_in = rows.discrete.noisy(rows_in)
        if spec.noise:
            rows_in = noisy(flow, rows_in, spec.noise)
        log_prob = density(rows_in, None if context is None else context[batch])
        if step == 0:
            descent.gather()
        loss = -weighted_mean(log_prob, None if weights is None else weights[batch])
        norms.append(descent.gradient(loss).item())
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            break
        descent.step(spec.learning_rate * schedule(spec, done + step, len(rows)), done + step + 1)
    descent.write_average()
    if averaged is not flow:
        # What is no weight, running moments for instance, is taken as it is.
        for mine, its in zip(averaged.buffers(), flow.buffers(), strict=True):
            mine.copy_(its)
    return losses, norms


def schedule(spec: TrainingSpec, step: int, steps: int) -> float:
    """The factor on the learning rate at a step, with ``steps`` steps an epoch."""
    warmup = spec.warmup_epochs * steps
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if spec.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1.0, spec.epochs * steps - warmup)))


def nll_of(log_prob: Tensor, weights: Tensor | None) -> float:
    """The weighted mean of −log_prob over rows, nats."""
    return -weighted_mean(log_prob, weights).item()


@torch.no_grad()
def log_prob_of(flow: Flow, x: Tensor, context: Tensor | None) -> Tensor:
    """The log_prob of rows, a part at a time, ``[rows]`` float64 nats."""
    flow.eval()
    count = EVALUATION_ROWS if flow.levels is None else EVALUATION_IMAGES
    spans = [slice(start, start + count) for start in range(0, len(x), count)]
    return (
        torch.cat([flow.log_prob(x[span], None if context is None else context[span]) for span in spans]).double().cpu()
    )


def weighted_mean(values: Tensor, weights: Tensor | None) -> Tensor:
    """Σ w v / Σ w; a batch whose weights are all zero counts nothing."""
    if weights is None:
        return values.mean()
    return (weights * values).sum() / weights.sum().clamp_min(torch.finfo(weights.dtype).tiny)
