"""How far a number may be from its reference: what the package allows, and a share for float32's own rounding.

.. math:: |Δ| ≤ atol · u + rtol · |reference| + min(4 · rounding, 10^{-3} (u + |reference|))

with u one nat for log_prob and the feature's scale for samples. A bundle says what its rounding is, so the package
says how much of it counts: never more than a share of the reference, and next to nothing on most rows.
"""

from __future__ import annotations

__all__ = [
    "DIRECTION_ATOL",
    "DIRECTION_RTOL",
    "LOG_PROB_ATOL",
    "LOG_PROB_RTOL",
    "NOISE_ATOL",
    "SAMPLE_ATOL",
    "SAMPLE_RTOL",
    "allowance",
    "cost_of_most",
    "direction_bound",
    "finite_size",
    "held",
    "parity_bound",
]

import numpy as np

from flowexport.bundle import GRAPHS
from flowexport.bundle.schema import Tolerance

LOG_PROB_ATOL, LOG_PROB_RTOL = GRAPHS["log_prob"].atol, GRAPHS["log_prob"].rtol
"""Nats, and relative, for log_prob."""

SAMPLE_ATOL, SAMPLE_RTOL = GRAPHS["sample"].atol, GRAPHS["sample"].rtol
"""Standard deviations of each feature, and relative, for samples."""

DIRECTION_ATOL, DIRECTION_RTOL = 1e-2, 1e-3
"""Nats, and relative. Here the rounding of a float32 sample is magnified by the gradient of the density, so the
bound is wider than parity's; a sampler in the wrong direction is off by nats."""

NOISE_ATOL = 2.0**-20
"""Two units in the last place of the largest normal (6.66): logarithm and cosine differ between platforms."""

ROUNDING_MULTIPLE = 4
"""ONNX Runtime's own rounding is up to 1.4 times the estimate where it is over the bound without it, and up to 5.5
times where it is anything near: some twenty models of ordinary tables, affine and spline."""

ROUNDING_SHARE = 1e-3
"""Of u + |reference|: models that are right need up to 2e-4; a weight matrix off by a thousandth moves more."""

COMMON_SHARE = 3e-4
"""What nine rows in ten may take, or float32 is not enough for this model: right ones take 5e-5."""

COMMON = 0.9


def allowance(rounding: np.ndarray | None, expected: np.ndarray, unit: float | np.ndarray) -> np.ndarray:
    """What rounding adds to the bound of each number, in the shape of what is expected."""
    if rounding is None:
        return np.zeros(expected.shape)
    cap: np.ndarray = ROUNDING_SHARE * (unit + finite_size(expected))
    allowed: np.ndarray = np.minimum(ROUNDING_MULTIPLE * rounding.astype(np.float64), cap)
    return allowed


def parity_bound(
    graph: str, tolerance: Tolerance, expected: np.ndarray, rounding: np.ndarray | None, scale: np.ndarray
) -> np.ndarray:
    """How far each number of a graph may be from its reference.

    Arguments:
        graph: a name of `GRAPHS`.
        tolerance: the bundle's own, of which what is tighter than the package's counts.
        expected: ``[rows, …]`` float64.
        rounding: as `allowance` takes it.
        scale: of each feature.
    """
    kind = GRAPHS[graph]
    unit = scale if kind.unit == "scale" else 1.0
    atol, rtol = min(tolerance.atol, kind.atol), min(tolerance.rtol, kind.rtol)
    bound: np.ndarray = atol * unit + rtol * finite_size(expected) + allowance(rounding, expected, unit)
    return bound


def held(rounding: np.ndarray, expected: np.ndarray, unit: float | np.ndarray = 1.0) -> np.ndarray:
    """Whether the share that each number has for its rounding covers it; the unit is a nat, or a feature's scale."""
    most = ROUNDING_SHARE * (unit + finite_size(expected))
    whole: np.ndarray = ROUNDING_MULTIPLE * rounding.astype(np.float64) <= most
    return whole


def direction_bound(rounding: np.ndarray | None, expected: np.ndarray) -> np.ndarray:
    """Nats, a number a row. A single sample far out may have no density that float32 could tell: no cap here."""
    own = 0.0 if rounding is None else ROUNDING_MULTIPLE * rounding.astype(np.float64)
    bound: np.ndarray = DIRECTION_ATOL + DIRECTION_RTOL * finite_size(expected) + own
    return bound


def cost_of_most(rounding: np.ndarray, of: np.ndarray) -> float:
    """What rounding takes for nine numbers in ten, as a share of ``of``."""
    shares = ROUNDING_MULTIPLE * rounding.astype(np.float64) / of
    return float(np.quantile(shares, COMMON, method="higher"))


def finite_size(expected: np.ndarray) -> np.ndarray:
    """|expected|, nothing where it is infinite: −inf outside the support is exact."""
    return np.abs(np.where(np.isfinite(expected), expected, 0.0))
