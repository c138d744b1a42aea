r"""The noise behind every sample: Philox4x32-10 and Box–Muller, the same numbers in every language.

The key is a 64-bit seed. Block :math:`b` of the counter gives four words and with them the normals
:math:`4b \dots 4b + 3`, so that any slice of the stream can be had alone, in parallel or in chunks.

References:
    Parallel random numbers: as easy as 1, 2, 3 (Salmon et al., SC 2011), section 3.3,
    https://doi.org/10.1145/2063384.2063405
"""

__all__ = ["normals", "philox4x32"]

import functools
import math
from collections.abc import Sequence

import numpy as np

from flowexport.errors import ArgumentError

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
MASK = 0xFFFFFFFF
FEW_BLOCKS = 8
"""Up to so many blocks Python's own integers take less time than a hundred calls of numpy."""

UNIT = 2.0**-32
TURN = 2.0 * math.pi * UNIT


@functools.lru_cache(maxsize=64)
def round_keys(key: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """The two words of each round."""
    return tuple(((key[0] + turn * WEYL[0]) & MASK, (key[1] + turn * WEYL[1]) & MASK) for turn in range(ROUNDS))


def philox4x32(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Ten rounds of Philox.

    Arguments:
        counter: ``[blocks, 4]`` uint32.
        key: two 32-bit words.

    Returns:
        ``[blocks, 4]`` uint32.
    """
    keys = round_keys(key)
    if len(counter) <= FEW_BLOCKS:
        return np.array([one_block(block, keys) for block in counter.tolist()], dtype=np.uint32).reshape(-1, 4)
    first, second, third, fourth = np.ascontiguousarray(counter.T).astype(np.uint64)
    left, right = np.empty_like(first), np.empty_like(first)
    multipliers, low, half = [np.uint64(word) for word in MULTIPLIERS], np.uint64(MASK), np.uint64(32)
    for low_key, high_key in keys:
        np.multiply(first, multipliers[0], out=left)
        np.multiply(third, multipliers[1], out=right)
        np.right_shift(right, half, out=first)
        first ^= second
        first ^= np.uint64(low_key)
        np.right_shift(left, half, out=third)
        third ^= fourth
        third ^= np.uint64(high_key)
        np.bitwise_and(right, low, out=second)
        np.bitwise_and(left, low, out=fourth)
    return np.stack([first, second, third, fourth], axis=1).astype(np.uint32)


def one_block(counter: Sequence[int], keys: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """Ten rounds on the four words of one block."""
    first, second, third, fourth = counter
    for low_key, high_key in keys:
        left, right = MULTIPLIERS[0] * first, MULTIPLIERS[1] * third
        first, third = (right >> 32) ^ second ^ low_key, (left >> 32) ^ fourth ^ high_key
        second, fourth = right & MASK, left & MASK
    return first, second, third, fourth


def normals(seed: int, start: int, count: int) -> np.ndarray:
    """Standard normals number ``start`` … ``start + count − 1`` of a seed.

    Arguments:
        seed: an unsigned 64-bit integer.
        start, count: which of the stream.

    Returns:
        ``[count]`` float32; none is larger than 6.66.

    Raises:
        ArgumentError: where the seed does not fit 64 bits, or the slice does not exist.
    """
    if not 0 <= seed < 2**64:
        raise ArgumentError(f"expected a whole number from 0 to 2**64 - 1, got {seed}", key="seed")
    if start < 0 or count < 0:
        raise ArgumentError(f"start, count: expected whole numbers from 0, got {start}, {count}")
    first, last = start // 4, -(-(start + count) // 4)
    counter = np.zeros((last - first, 4), dtype=np.uint32)
    # A block's number is 64 bits, the low word first.
    counter.view("<u8")[:, 0] = np.arange(first, last, dtype=np.uint64)
    words = philox4x32(counter, (seed & MASK, seed >> 32)).astype(np.float64)
    radius = np.sqrt(-2.0 * np.log((words[:, 0::2] + 1.0) * UNIT))
    angle = words[:, 1::2] * TURN
    stream = np.empty((len(words), 4), dtype=np.float32)
    np.multiply(radius, np.cos(angle), out=stream[:, 0::2], casting="same_kind")
    np.multiply(radius, np.sin(angle), out=stream[:, 1::2], casting="same_kind")
    skipped = start - 4 * first
    return stream.reshape(-1)[skipped : skipped + count]
