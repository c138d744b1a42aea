"""Where each buffer lies in one array of scratch numbers: buffers that are never needed at once share a place."""

from __future__ import annotations

__all__ = ["Placement", "place"]

from bisect import insort
from dataclasses import dataclass

from .form import Form, Linear, Load, loads


@dataclass(frozen=True)
class Placement:
    """Buffer → its first number in the scratch array, for those that are used, and how many numbers that array has."""

    offsets: dict[int, int]
    scratch: int


def place(form: Form, alignment: int = 1) -> Placement:
    """Places the buffers of a form, each where it first fits.

    Arguments:
        alignment: offsets and rooms of buffers are multiples of so many numbers, so that vectors of that width may be
            read and written beyond a buffer's end.
    """
    lives = lifetimes(form)
    rooms = {buffer: aligned(form.sizes[buffer], alignment) for buffer in lives}
    for each in form.operations:
        if isinstance(each, Linear):
            # The last group starts where it may not be aligned, and is written in whole vectors as well.
            count = len(each.bias)
            rooms[each.out] = aligned((len(each.sources) - 1) * count + aligned(count, alignment), alignment)
    taken: list[tuple[int, int, int]] = []
    offsets: dict[int, int] = {}
    scratch = 0
    for buffer in sorted(lives, key=lambda each: (lives[each][0], -form.sizes[each], each)):
        first, last = lives[buffer]
        room = rooms[buffer]
        # Buffers come by birth: one that has died is in nobody's way any more.
        taken = [each for each in taken if first <= each[2]]
        offset = 0
        for low, high, _ in taken:
            if offset + room <= low:
                break
            offset = max(offset, high)
        offsets[buffer] = offset
        insort(taken, (offset, offset + room, last))
        scratch = max(scratch, offset + room)
    return Placement(offsets, scratch)


def aligned(size: int, alignment: int) -> int:
    """The next multiple."""
    return -(-size // alignment) * alignment


def lifetimes(form: Form) -> dict[int, tuple[int, int]]:
    """Buffer → the operations before which it is first written and after which it is last read."""
    end = len(form.operations)
    born = {each.buffer: -1 for each in form.inputs}
    died: dict[int, int] = {}
    for place, operation in enumerate(form.operations):
        born.setdefault(operation.out, place)
        died[operation.out] = place
        for load, _ in loads(operation):
            died[load.buffer] = place
    died.update((output.buffer, end) for output in form.outputs if isinstance(output, Load))
    return {buffer: (born[buffer], last) for buffer, last in died.items()}
