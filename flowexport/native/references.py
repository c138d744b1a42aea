"""References: a tensor of one row as an array of where its numbers are, or of what they are.

A reference is an int64. One that is not negative names a buffer, in its high half, and a place in it; a negative one
is a constant, −1 − the bits of its float32. So whole tensors are renamed, compared and folded by numpy.
"""

from __future__ import annotations

__all__ = ["References", "constants", "load_at", "places", "values"]

import numpy as np
import numpy.typing as npt

from .form import Load

References = npt.NDArray[np.int64]

HALF = 32
LOW = (1 << HALF) - 1


def constants(numbers: npt.ArrayLike) -> References:
    """References to what is known."""
    bits = np.array(numbers, np.float32, ndmin=0).view(np.uint32)
    return ~bits.astype(np.int64)


def values(references: References) -> npt.NDArray[np.float32]:
    """The numbers that constants stand for; all must be constants."""
    return (~references).astype(np.uint32).view(np.float32)


def places(buffer: int, count: int) -> References:
    """The first numbers of a buffer."""
    first = buffer << HALF
    return np.arange(first, first + count, dtype=np.int64)


def load_at(reference: int, stride: int = 1) -> Load:
    """The load whose first number a reference names."""
    return Load(reference >> HALF, reference & LOW, stride)
