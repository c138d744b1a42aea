"""Where scores stand among those of the reference rows of a bundle."""

from __future__ import annotations

__all__ = ["threshold_of"]

import numpy as np

from flowexport.bundle.schema import Reference
from flowexport.errors import ArgumentError


def threshold_of(reference: Reference, fraction: float) -> float:
    """The log_prob below which a share of the reference rows lies, nats.

    From the first per cent on it is linear in the 101 quantiles, and below in the lowest scores themselves, where it is
    `numpy.quantile` of all of them.

    Raises:
        ArgumentError: for a fraction that is none, or is finer than the reference rows can tell: below one of them, or
            below the first per cent where the bundle keeps no lowest scores.
    """
    if isinstance(fraction, bool) or not 0 < fraction < 1:
        raise ArgumentError(f"expected a number between 0 and 1, got {fraction!r}", key="fraction")
    lowest = reference.lowest or []
    finest = 1 / reference.rows if lowest else 0.01
    if fraction < finest:
        kept = "can tell" if lowest else "of a bundle without its lowest scores can tell (export it anew)"
        raise ArgumentError(
            f"{fraction:g} is finer than {reference.rows:,} reference rows {kept}; the finest is {finest:.3g}",
            key="fraction",
        )
    place = fraction * (reference.rows - 1)
    if place <= len(lowest) - 1:
        return float(np.interp(place, np.arange(len(lowest)), lowest))
    return float(np.interp(100 * fraction, np.arange(101), reference.log_prob_quantiles))
