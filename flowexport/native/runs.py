"""Splits references into runs: stretches over which every operand stands still, moves by one, or is known."""

from __future__ import annotations

__all__ = ["run_of", "scattered", "side_by_side"]

from collections.abc import Iterator, Sequence

import numpy as np

from .form import Constant, Load
from .references import References, load_at, values

KNOWN, STILL, MOVES, BREAKS = range(4)


def side_by_side(references: References) -> bool:
    """Whether numbers lie in a buffer one after the other."""
    return bool((references >= 0).all() and (np.diff(references) == 1).all())


def scattered(references: References) -> bool:
    """Whether computed numbers jump so often that a copy which lies side by side is read more cheaply."""
    if len(references) < 3 or (references < 0).any():
        return False
    steps = np.diff(references)
    return 2 * int(np.count_nonzero((steps != 0) & (steps != 1))) >= len(references) - 1


def run_of(arguments: Sequence[References]) -> Iterator[tuple[int, int, tuple[Load | Constant, ...]]]:
    """Runs of operands of one length: where each starts, its length, and its operands.

    As long as possible from the left; a lone number is read with stride 0.
    """
    count = len(arguments[0])
    kinds = np.stack([steps_of(each) for each in arguments])
    breaks = (kinds == BREAKS).any(0)
    changes = np.flatnonzero((kinds[:, 1:] != kinds[:, :-1]).any(0) | breaks[1:] | breaks[:-1]) + 1
    ends = np.append(changes, count - 1)
    start = 0
    while start < count:
        end = start + 1
        if start < count - 1 and not breaks[start]:
            end = int(ends[np.searchsorted(ends, start, side="right")]) + 1
        yield start, end - start, tuple(operand(each[start:end]) for each in arguments)
        start = end


def steps_of(references: References) -> np.ndarray:
    """How one number leads to the next."""
    known = references < 0
    steps = np.diff(references)
    moves = np.where(steps == 0, STILL, np.where(steps == 1, MOVES, BREAKS))
    return np.where(known[:-1] & known[1:], KNOWN, np.where(known[:-1] | known[1:], BREAKS, moves))


def operand(references: References) -> Load | Constant:
    """The operand of one run."""
    if references[0] < 0:
        numbers = values(references)
        alike = bool((references == references[0]).all())
        return Constant(numbers[:1].reshape(()) if alike else numbers)
    stride = int(references[1] - references[0]) if len(references) > 1 else 0
    return load_at(int(references[0]), stride)
