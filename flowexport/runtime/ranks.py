"""The columns that ``score`` writes beside log_prob, and what is to be said of them."""

from __future__ import annotations

__all__ = ["Ranks", "ranks_of"]

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flowexport.errors import ArgumentError

if TYPE_CHECKING:
    from flowexport.bundle.schema import Reference

    from .model import Model

Percentile = Callable[[np.ndarray, "np.ndarray | None"], np.ndarray]


@dataclass
class Ranks:
    """Where rows stand.

    Arguments:
        percentile: log_prob and context of rows → 0 to 100; None for a bundle without reference.
        flagged: log_prob and percentile → whether a row is flagged; None where nothing is.
        reference: that the percentiles are of; None where they are of samples.
        mixed: whether it mixes contexts.
        below: rows so far that are less likely than all of the reference.
    """

    percentile: Percentile | None
    flagged: Callable[[np.ndarray, np.ndarray], np.ndarray] | None
    reference: Reference | None
    mixed: bool
    below: int = 0

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return [*(["percentile"] if self.percentile else []), *(["flag"] if self.flagged else [])]

    def of(self, log_prob: np.ndarray, context: np.ndarray | None) -> list[np.ndarray]:
        """The columns of rows ``[rows]``."""
        if self.percentile is None:
            return []
        percentile = self.percentile(log_prob, context)
        if self.reference is not None:
            self.below += int((log_prob < self.reference.log_prob_quantiles[0]).sum())
        return [percentile, *([] if self.flagged is None else [self.flagged(log_prob, percentile).astype(np.int8)])]

    def remarks(self) -> Iterator[str]:
        """What to say when all rows are scored."""
        if self.percentile is None:
            yield "the bundle has no reference rows, so there are no percentiles; --calibrate makes them of samples"
        if self.below and self.reference is not None:
            rows = f"less likely than all {self.reference.rows:,} reference rows: {self.below:,}"
            yield f"{rows}; their percentile is 0, and log_prob ranks them"
        if self.mixed:
            yield "percentiles are among reference rows of all contexts; --calibrate takes each row's own"


def ranks_of(model: Model, flag: float | None, calibrate: tuple[int, int] | None) -> Ranks:
    """What ``score`` is asked for.

    Arguments:
        model: that scores.
        flag: the share of the reference below which a row is flagged.
        calibrate: draws of each context and their seed, or None for the reference rows of the bundle.

    Raises:
        ArgumentError: for a share that is finer than the draws or the reference can tell.
        BundleError: where a share is asked of a bundle without reference.
    """
    reference = model.manifest.reference
    if calibrate is not None:
        draws, seed = calibrate
        if flag is not None and flag * draws < 1:
            raise ArgumentError(
                f"{flag:g} is finer than {draws:,} draws can tell; --draws {math.ceil(1 / flag)}", key="--flag"
            )
        calibrated = model.calibration(draws, seed)
        flagged = None if flag is None else lambda log_prob, percentile: percentile < 100 * flag
        return Ranks(calibrated.percentile, flagged, None, False)
    if flag is not None:
        threshold = model.threshold(flag)
        return Ranks(
            lambda log_prob, context: model.percentile(log_prob),
            lambda log_prob, percentile: log_prob < threshold,
            reference,
            model.context_size > 0,
        )
    if reference is None:
        return Ranks(None, None, None, False)
    return Ranks(lambda log_prob, context: model.percentile(log_prob), None, reference, model.context_size > 0)
