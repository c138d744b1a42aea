"""Splits references into runs: stretches over which every operand stands still, moves by one, or is known."""

from __future__ import annotations

__all__ = ["one_run", "runs_of", "scattered", "side_by_side"]

from collections.abc import Iterator, Sequence
from operator import sub

import numpy as np
import numpy.typing as npt

from .form import Constant, Load
from .references import References, load_at, values

STILL, MOVES, BREAKS = range(3)

NOWHERE = np.int64(-2)
"""Two places before the first."""

Part = tuple[int, int, tuple[Load | Constant, ...]]
"""A run of operands: where it starts, its length, and its operands."""


def side_by_side(numbers: list[int]) -> bool:
    """Whether numbers lie in a buffer one after the other."""
    return numbers[0] >= 0 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def scattered(numbers: list[int]) -> bool:
    """Whether computed numbers jump so often that a copy which lies side by side is read more cheaply."""
    if len(numbers) < 3 or min(numbers) < 0:
        return False
    steps = list(map(sub, numbers[1:], numbers))
    return 2 * (len(steps) - steps.count(0) - steps.count(1)) >= len(steps)


def one_run(arguments: Sequence[list[int]]) -> list[Part]:
    """What `runs_of` gives where it is one run, as it nearly always is; else nothing."""
    operands = tuple(found for each in arguments if (found := whole(each)) is not None)
    return [(0, len(arguments[0]), operands)] if len(operands) == len(arguments) else []


def runs_of(arguments: Sequence[list[int]]) -> Iterator[Part]:
    """Runs of operands of one length, as long as possible from the left; a lone number is read with stride 0."""
    rows = np.array(arguments, np.int64)
    steps, floats = steps_of(rows), values(rows)
    count = rows.shape[1]
    kinds = np.where((steps == BREAKS).any(axis=0), -1, 2 ** np.arange(len(rows)) @ steps).tolist()
    start = 0
    while start < count:
        end, strides = start + 1, [STILL] * len(arguments)
        if end < count and kinds[start] >= 0:
            strides = steps[:, start].tolist()
            while end < count and kinds[end - 1] == kinds[start]:
                end += 1
        yield (
            start,
            end - start,
            tuple(
                load_at(row[start], step) if row[start] >= 0 else constant(row[start:end], known[start:end])
                for row, known, step in zip(arguments, floats, strides, strict=True)
            ),
        )
        start = end


def steps_of(rows: References) -> npt.NDArray[np.int64]:
    """How one number of an operand leads to the next, ``[operands, count − 1]``.

    What is known stands still, and there is no step from it to what is computed, or back.
    """
    where = np.where(rows < 0, NOWHERE, rows)
    # As an unsigned number a step back is a large one.
    steps = (where[:, 1:] - where[:, :-1]).view(np.uint64)
    return np.minimum(steps, np.uint64(BREAKS)).view(np.int64)


def whole(numbers: list[int]) -> Load | Constant | None:
    """The operand of one run over all numbers, where that is what they are."""
    first = numbers[0]
    if first < 0:
        return constant(numbers, values(np.array(numbers, np.int64))) if max(numbers) < 0 else None
    if numbers[-1] == first:
        return load_at(first, STILL) if numbers.count(first) == len(numbers) else None
    return load_at(first, MOVES) if side_by_side(numbers) else None


def constant(numbers: list[int], floats: npt.NDArray[np.float32]) -> Constant:
    """What is known as one operand: one number where all are alike."""
    return Constant(floats[:1].reshape(()) if numbers.count(numbers[0]) == len(numbers) else floats)
