"""The golden cases of the zoo's vector models, for whatever computes them."""

from __future__ import annotations

__all__ = ["ROOT", "VECTORS", "cases", "share_of_bound"]

from functools import cache
from pathlib import Path

import numpy as np

from flowexport.bundle import Bundle, open_bundle, zoo_names
from flowexport.proof import ReferenceCase, references_of
from flowexport.proof.bounds import (
    LOG_PROB_ATOL,
    LOG_PROB_RTOL,
    SAMPLE_ATOL,
    SAMPLE_RTOL,
    allowance,
)

ROOT = Path(__file__).resolve().parents[2]
VECTORS = [
    name for name in zoo_names() if len(open_bundle(ROOT / "models" / name / "bundle").manifest.event_shape) == 1
]


@cache
def zoo(name: str) -> Bundle:
    return open_bundle(ROOT / "models" / name / "bundle")


@cache
def cases(name: str, graph: str) -> list[ReferenceCase]:
    """All golden cases of a graph that have an answer."""
    return [case for case in references_of(zoo(name)).cases if case.graph == graph]


def share_of_bound(name: str, case: ReferenceCase, found: np.ndarray) -> float:
    """The worst number of a case as a share of the bound that ``verify`` holds ONNX Runtime to; NaN is infinite."""
    unit, atol, rtol = np.float64(1), LOG_PROB_ATOL, LOG_PROB_RTOL
    if case.graph == "sample":
        unit = np.array(zoo(name).manifest.scale).reshape(zoo(name).manifest.event_shape)
        atol, rtol = SAMPLE_ATOL, SAMPLE_RTOL
    assert found.shape == case.expected.shape
    with np.errstate(invalid="ignore"):
        bound = atol * unit + rtol * np.abs(case.expected) + allowance(case.rounding, case.expected, unit)
        shares = np.where(found == case.expected, 0, np.abs(found - case.expected) / bound)
    return float(np.where(np.isnan(shares), np.inf, shares).max())
