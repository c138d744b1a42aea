"""Percentiles among a model's own samples of the same context, where reference rows would mix all contexts."""

from __future__ import annotations

__all__ = ["DRAWS", "Calibration"]

from typing import TYPE_CHECKING

import numpy as np

from flowexport.errors import ArgumentError

from .noise import normals

if TYPE_CHECKING:
    from .model import Model

DRAWS = 1000
"""Samples of a context: percentiles to a tenth of one, ten rows a context in a hundredth of a second."""

MOST_DRAWS = 1_000_000

GROUP_ROWS = 65_536
"""Samples that are drawn together, of as many contexts as that holds."""

KEPT_NUMBERS = 4_000_000
"""Scores of contexts that are kept for rows to come: 16 MB."""


class Calibration:
    """The scores of samples of each context, kept for when it comes again.

    The samples of every context are made of the same noise, so that a row's percentile depends on no other row.

    Arguments:
        model: of any context, or none.
        draws: samples of each context.
        seed: of their noise.

    Raises:
        ArgumentError: for a number of draws below 2 or above a million.
    """

    def __init__(self, model: Model, draws: int = DRAWS, seed: int = 0) -> None:
        if not 2 <= draws <= MOST_DRAWS:
            raise ArgumentError(f"expected a whole number from 2 to {MOST_DRAWS:,}, got {draws!r}", key="draws")
        self.model = model
        self.draws = draws
        self.noise = normals(seed, 0, draws * model.latent_size).reshape(draws, model.latent_size)
        self.scores: dict[bytes, np.ndarray] = {}

    def percentile(self, log_prob: np.ndarray, context: object = None) -> np.ndarray:
        """How many of a hundred samples of its context are less likely than each row.

        Arguments:
            log_prob: ``[rows]`` nats.
            context: ``[context]`` for all rows, or ``[rows, context]``; whatever `Model.context` makes one of.

        Returns:
            ``[rows]``, 0 to 100, in steps of 100 / draws.
        """
        log_prob = np.asarray(log_prob)
        if context is None:
            scores = self.scores_of(np.empty((1, 0), self.model.dtype))[0]
            return 100 * np.searchsorted(scores, log_prob) / self.draws
        contexts = np.atleast_2d(self.model.context(context)).astype(self.model.dtype)
        distinct, place = np.unique(contexts, axis=0, return_inverse=True)
        place = np.broadcast_to(place.ravel(), (len(log_prob),))
        # Rows of one context side by side, so that each context is looked at once.
        order = np.argsort(place, kind="stable")
        ends = np.searchsorted(place[order], np.arange(len(distinct)), side="right")
        percentile = np.empty(len(log_prob))
        step = max(1, GROUP_ROWS // self.draws)
        for first in range(0, len(distinct), step):
            group = range(first, min(first + step, len(distinct)))
            for index, scores in zip(group, self.scores_of(distinct[group.start : group.stop]), strict=True):
                rows = order[ends[index - 1] if index else 0 : ends[index]]
                percentile[rows] = 100 * np.searchsorted(scores, log_prob[rows]) / self.draws
        return percentile

    def scores_of(self, contexts: np.ndarray) -> list[np.ndarray]:
        """The sorted log_prob of the samples of each context ``[contexts, context]``."""
        keys = [context.tobytes() for context in contexts]
        wanted = [index for index, key in enumerate(keys) if key not in self.scores]
        found = {key: self.scores[key] for key in keys if key in self.scores}
        if wanted:
            z = np.tile(self.noise, (len(wanted), 1))
            given = np.repeat(contexts[wanted], self.draws, axis=0) if contexts.shape[1] else None
            log_prob = self.model.log_prob(self.model.sample_from(z, given), given).reshape(len(wanted), self.draws)
            made = dict(zip((keys[index] for index in wanted), np.sort(log_prob, axis=1), strict=True))
            found |= made
            if (len(self.scores) + len(made)) * self.draws > KEPT_NUMBERS:
                self.scores.clear()
            self.scores |= dict(list(made.items())[: KEPT_NUMBERS // self.draws])
        return [found[key] for key in keys]
