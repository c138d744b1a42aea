"""Splits references into runs: stretches over which every operand stands still, moves by one, or is known."""

from __future__ import annotations

__all__ = ["one_run", "runs_of", "scattered", "side_by_side"]

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .form import Constant, Load
from .references import References, load_at, values

STILL, MOVES, BREAKS = range(3)

NOWHERE = np.int64(-2)
"""Two places before the first."""

Part = tuple[int, int, tuple[Load | Constant, ...]]
"""A run of operands: where it starts, its length, and its operands."""


def side_by_side(references: References) -> bool:
    """Whether numbers lie in a buffer one after the other."""
    first, count = int(references[0]), len(references)
    return first >= 0 and bool((references == np.arange(first, first + count)).all())


def steps_of(rows: References) -> npt.NDArray[np.int64]:
    """How one number of an operand leads to the next, ``[operands, count − 1]``.

    What is known stands still, and there is no step from it to what is computed, or back.
    """
    where = np.where(rows < 0, NOWHERE, rows)
    # As an unsigned number a step back is a large one.
    steps = (where[:, 1:] - where[:, :-1]).view(np.uint64)
    return np.minimum(steps, np.uint64(BREAKS)).view(np.int64)


def scattered(references: References) -> bool:
    """Whether computed numbers jump so often that a copy which lies side by side is read more cheaply."""
    numbers = references.tolist()
    if len(numbers) < 3 or min(numbers) < 0:
        return False
    return 2 * sum(further - each not in (0, 1) for each, further in pairwise(numbers)) >= len(numbers) - 1


def one_run(arguments: Sequence[References]) -> list[Part]:
    """What `runs_of` gives where it is one run, as it nearly always is; else nothing."""
    operands = tuple(found for each in arguments if (found := whole(each)) is not None)
    return [(0, len(arguments[0]), operands)] if len(operands) == len(arguments) else []


def runs_of(arguments: Sequence[References]) -> Iterator[Part]:
    """Runs of operands of one length, as long as possible from the left; a lone number is read with stride 0."""
    steps = steps_of(np.array(arguments)).T.tolist()
    count = len(arguments[0])
    start = 0
    while start < count:
        end, strides = start + 1, [STILL] * len(arguments)
        if end < count and BREAKS not in steps[start]:
            strides = steps[start]
            while end < count and steps[end - 1] == strides:
                end += 1
        yield start, end - start, tuple(operand(each[start:end], step) for each, step in zip(arguments, strides))
        start = end


def steps_of(rows: References) -> npt.NDArray[np.int64]:
    """How one number of an operand leads to the next, ``[operands, count − 1]``.

    What is known stands still, and there is no step from it to what is computed, or back.
    """
    where = np.where(rows < 0, NOWHERE, rows)
    # As an unsigned number a step back is a large one.
    steps = (where[:, 1:] - where[:, :-1]).view(np.uint64)
    return np.minimum(steps, np.uint64(BREAKS)).view(np.int64)


def scattered(references: References) -> bool:
    """Whether computed numbers jump so often that a copy which lies side by side is read more cheaply."""
    numbers = references.tolist()
    if len(numbers) < 3 or min(numbers) < 0:
        return False
    return 2 * sum(further - each not in (0, 1) for each, further in pairwise(numbers)) >= len(numbers) - 1


def one_run(arguments: Sequence[References]) -> list[Part]:
    """What `runs_of` gives where it is one run, as it nearly always is; else nothing."""
    operands = tuple(found for each in arguments if (found := whole(each)) is not None)
    return [(0, len(arguments[0]), operands)] if len(operands) == len(arguments) else []


def runs_of(arguments: Sequence[References]) -> Iterator[Part]:
    """Runs of operands of one length, as long as possible from the left; a lone number is read with stride 0."""
    rows = np.array(arguments)
    steps = steps_of(rows)
    last = rows.shape[1] - 1
    breaks = steps.max(axis=0, initial=STILL) == BREAKS
    changes = (steps[:, 1:] != steps[:, :-1]).any(axis=0) | breaks[1:]
    ends = [*(np.flatnonzero(changes) + 1).tolist(), last]
    start = place = 0
    while start <= last:
        end, strides = start + 1, [STILL] * len(rows)
        if start < last and not breaks[start]:
            while ends[place] <= start:
                place += 1
            end, strides = ends[place] + 1, steps[:, start].tolist()
        yield start, end - start, tuple(map(operand, rows[:, start:end], strides))
        start = end


def steps_of(references: References) -> npt.NDArray[np.int64]:
    """How one number of a row leads to the next, ``[*, count − 1]``.

    What is known stands still, and there is no step from it to what is computed, or back.
    """
    where = np.where(references < 0, NOWHERE, references)
    # As an unsigned number a step back is a large one.
    steps = (where[..., 1:] - where[..., :-1]).view(np.uint64)
    return np.minimum(steps, np.uint64(BREAKS)).view(np.int64)


def whole(references: References) -> Load | Constant | None:
    """The operand of one run over all numbers, where that is what they are."""
    first, further = int(references[0]), int(references[-1]) - int(references[0])
    if first < 0:
        return operand(references, STILL) if references.max() < 0 else None
    if further == 0:
        return operand(references, STILL) if (references == first).all() else None
    moves = further == len(references) - 1 and (references == np.arange(first, first + further + 1)).all()
    return operand(references, MOVES) if moves else None


def operand(references: References, stride: int) -> Load | Constant:
    """The operand of one run."""
    first = int(references[0])
    if first >= 0:
        return load_at(first, stride)
    alike = len(references) == 1 or bool((references == first).all())
    return Constant(values(references[0]) if alike else values(references))
