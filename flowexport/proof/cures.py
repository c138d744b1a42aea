"""What is likely to help where a check fails, in a line; docs/refused.md says more."""

from __future__ import annotations

__all__ = ["with_cure"]

from dataclasses import replace

import numpy as np

from .checks import Check

CURES = {
    "structure": "make the bundle anew with `flowexport export`",
    "parity": "this graph is not the trained model's: export it again, and report it if that gives the same",
    "rounding": "float32 has too few digits for this model: export with --dtype float64, or train anew without columns "
    "that repeat one another or hold few distinct values",
    "direction": "the two graphs are not inverse to each other: export again, and report it if that gives the same",
    "mass": "a spike narrower than the grid (a column of few distinct values: train with noise), or another constant",
    "device": "install what `flowexport doctor` names, or ask for --device cpu",
}

OVERFLOW = "float32 has no number for this row: train with fewer layers or a smaller clamp, or --dtype float64"

TOO_STEEP = "float32 has too few digits for this row, by its own rounding: export with --dtype float64"


def with_cure(check: Check) -> Check:
    """The check with its cure, where it failed."""
    if check.status != "failed" or check.cure is not None:
        return check
    known = check.found is not None and check.expected is not None
    if known and not np.isfinite(check.found or 0.0) and np.isfinite(check.expected or 0.0):
        return replace(check, cure=OVERFLOW)
    return replace(check, cure=CURES.get(check.name))
