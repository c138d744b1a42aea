"""The scores of a table, block by block: what ``flowexport score`` writes, wherever it runs."""

from __future__ import annotations

__all__ = ["scored"]

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from flowexport.tables import Table

from .categories import coder_of
from .ranks import Ranks

if TYPE_CHECKING:
    from .model import Model


def scored(table: Table, model: Model, ranks: Ranks, context: np.ndarray | None = None) -> Iterator[list[np.ndarray]]:
    """The columns of each block: log_prob, and those of its rank.

    Arguments:
        table: whose columns are features, and the model's context unless there is one for all rows.
        model: that scores.
        ranks: beside log_prob.
        context: ``[context]``, one for all rows, in place of columns of the table.

    Raises:
        DataError: for a column that is not there, and a row that cannot be scored, by its number.
    """
    columns, contexts = list(model.features), [] if context is not None else model.context_features
    chosen = table.match([*columns, *(feature.name for feature in contexts)])
    width = len(columns)
    coders = {
        name: coder_of(feature, codes=not table.named)
        for name, feature in zip(chosen[width:], contexts, strict=True)
        if feature.categories
    }
    for block in table.blocks(chosen, coders):
        block.require_finite()
        block.require_within(model.dtype)
        x = block.values[:, :width].reshape(-1, *model.event_shape)
        given = context if context is not None else block.values[:, width:] if contexts else None
        log_prob = model.log_prob(x, given)
        yield [log_prob, *ranks.of(log_prob, given)]
