"""Splits references into runs: stretches over which every operand stands still, moves by one, or is known."""

from __future__ import annotations

__all__ = ["beside", "one_run", "runs_of", "scattered", "side_by_side"]

from collections.abc import Iterator, Sequence
from operator import sub

import numpy as np

from .form import Constant, Load
from .references import load_at, values

STILL, MOVES = range(2)
STRIDES = frozenset((STILL, MOVES))

NOWHERE = -2
"""Two places before the first."""

Part = tuple[int, int, tuple[Load | Constant, ...]]
"""A run of operands: where it starts, its length, and its operands."""


def beside(first: int, count: int) -> list[int]:
    """So many numbers of a buffer, one after the other."""
    return list(range(first, first + count))


def side_by_side(numbers: list[int]) -> bool:
    """Whether numbers lie in a buffer one after the other."""
    return numbers[0] >= 0 and numbers == beside(numbers[0], len(numbers))


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
    count = len(arguments[0])
    steps = list(zip(*map(steps_of, arguments), strict=True))
    alone = (STILL,) * len(arguments)
    start = 0
    while start < count:
        end, strides = start + 1, alone
        if end < count and STRIDES.issuperset(steps[start]):
            strides = steps[start]
            while end < count and steps[end - 1] == strides:
                end += 1
        yield (
            start,
            end - start,
            tuple(
                [
                    load_at(numbers[start], step) if numbers[start] >= 0 else constant(numbers[start:end])
                    for numbers, step in zip(arguments, strides, strict=True)
                ]
            ),
        )
        start = end


def steps_of(numbers: list[int]) -> list[int]:
    """How one number of an operand leads to the next.

    What is known stands still, and no stride leads from it to what is computed, or back.
    """
    if min(numbers) < 0:
        numbers = [number if number >= 0 else NOWHERE for number in numbers]
    return list(map(sub, numbers[1:], numbers))


def whole(numbers: list[int]) -> Load | Constant | None:
    """The operand of one run over all numbers, where that is what they are."""
    first = numbers[0]
    if first < 0:
        return constant(numbers) if max(numbers) < 0 else None
    if numbers[-1] == first:
        return load_at(first, STILL) if numbers.count(first) == len(numbers) else None
    return load_at(first, MOVES) if side_by_side(numbers) else None


def constant(numbers: list[int]) -> Constant:
    """What is known as one operand: one number where all are alike."""
    if numbers.count(numbers[0]) == len(numbers):
        return Constant(values(np.array(numbers[0])))
    return Constant(values(np.array(numbers)))
