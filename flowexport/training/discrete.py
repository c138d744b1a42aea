r"""Columns of steps, such as whole numbers: noise of a step's width makes a density of them.

A density of values that come again and again is a row of spikes as high as training lasts. With uniform noise
:math:`u \in [-\tfrac{s}{2}, \tfrac{s}{2})` of the step s the flow learns the histogram with bars of that width, and
its log_prob at a value bounds the log of the value's probability, over s, from below (Theis et al., 2016,
A note on the evaluation of generative models, section 3.1, https://arxiv.org/abs/1511.01844).
"""

from __future__ import annotations

__all__ = ["Steps", "held_out_with_noise", "step_of", "stepped"]

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import torch
from torch import Tensor

from flowexport.column import Column
from flowexport.errors import DataError
from flowexport.flows import Flow

if TYPE_CHECKING:
    from .data import Rows


def step_of(name: str, column: np.ndarray) -> float:
    """The least distance between two values of a column; 1 of whole numbers.

    Raises:
        DataError: where all values are the same.
    """
    if bool((column == np.round(column)).all()):
        return 1.0
    gaps = np.diff(np.unique(column))
    # Two texts of one number, 0.1 + 0.2 and 0.3, differ by rounding: that is no step.
    gaps = gaps[gaps > 1e-9 * np.abs(column).max()]
    if not len(gaps):
        raise DataError(f"column {name!r} is constant, and so has no step", key="discrete")
    return float(gaps.min())


def stepped(columns: Sequence[Column], discrete: Sequence[str], x: np.ndarray) -> list[Column]:
    """Features with the steps of those that are named, from their rows ``x [rows, features]``.

    Raises:
        DataError: for a name that is no feature.
    """
    names = [column.name for column in columns]
    for name in discrete:
        if name not in names:
            raise DataError(f"{name!r} is not a feature; they are {', '.join(names)}", key="discrete")
    return [
        msgspec.structs.replace(column, step=step_of(column.name, x[:, place])) if column.name in discrete else column
        for place, column in enumerate(columns)
    ]


@dataclass(frozen=True)
class Steps:
    """The steps of a flow's features, and the bounds that noise must not cross.

    Arguments:
        width: ``[features]``, 0 of features that are not discrete.
        least, most: ``[features]``, of the open support.
    """

    width: Tensor
    least: Tensor
    most: Tensor

    @staticmethod
    def of(flow: Flow, columns: Sequence[Column]) -> Steps | None:
        """Those of a flow's features, or None where none is discrete."""
        if not any(column.step for column in columns):
            return None
        like = next(flow.parameters())
        width = torch.tensor([column.step or 0.0 for column in columns]).to(like)
        lowest = torch.full_like(width, torch.finfo(width.dtype).min)
        if flow.bounds is None:
            return Steps(width, lowest, -lowest)
        bounds = flow.bounds
        least = torch.where(bounds.bounded_below, torch.nextafter(bounds.lower.to(like), -lowest), lowest)
        most = torch.where(bounds.bounded_above, torch.nextafter(bounds.upper.to(like), lowest), -lowest)
        return Steps(width, least, most)

    def noisy(self, x: Tensor) -> Tensor:
        """Rows ``[rows, features]`` with noise, from torch's generator."""
        return (x + self.width * (torch.rand_like(x) - 0.5)).clamp(self.least, self.most)


def held_out_with_noise(flow: Flow, rows: Rows, seed: int) -> Rows:
    """Held-out rows with noise of their own, the same for all epochs and for all that judges the flow by them."""
    steps = Steps.of(flow, rows.feature_columns)
    if steps is None or not len(rows):
        return rows
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        x = steps.noisy(torch.from_numpy(rows.x).to(steps.width))
    return replace(rows, x=x.cpu().double().numpy())
