"""How good an exported flow is, as ``flow.json`` keeps it."""

from __future__ import annotations

__all__ = ["quality_part"]

from typing import Literal

import msgspec
import numpy as np

from flowexport.bundle.schema import Quality
from flowexport.evaluation import Sample, design, quality_of, ranges_of
from flowexport.flows import Flow

from .references import GoldenArrays, spread


def quality_part(
    flow: Flow,
    arrays: GoldenArrays,
    rows: np.ndarray | None,
    context: np.ndarray | None,
    rows_of: Literal["data", "samples"],
    known: Quality | None,
) -> Quality | None:
    """What training found, or else the scores of the rows that the flow is exported with.

    Where golden rows are samples, so are the rows whose ranges are told: the least and the greatest value of a
    feature are values of the data.

    Returns:
        None without rows to judge by, or where their NLL is infinite.
    """
    found = known
    if found is None and rows is not None and arrays.scores is not None:
        count = len(arrays.scores)
        x = spread(rows, count).reshape(count, -1)
        given = design(None if context is None else spread(context, count), count, flow.categories)
        found = quality_of(arrays.scores, Sample(x, given), "given rows")
    if found is None:
        return None
    if flow.levels is not None:
        # Of pixels it is told by the levels.
        return msgspec.structs.replace(found, ranges=None)
    return found if rows_of == "data" else msgspec.structs.replace(found, ranges=ranges_of(arrays.sample))
