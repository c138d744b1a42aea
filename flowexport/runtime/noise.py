r"""The noise behind every sample: Philox4x32-10 and Box–Muller, the same numbers in every language.

The key is a 64-bit seed. Block :math:`b` of the counter gives four words and with them the normals
:math:`4b \dots 4b + 3`, so that any slice of the stream can be had alone, in parallel or in chunks.

References:
    Parallel random numbers: as easy as 1, 2, 3 (Salmon et al., SC 2011), section 3.3,
    https://doi.org/10.1145/2063384.2063405
"""

__all__ = ["normals", "philox4x32"]

import numpy as np

from flowexport.errors import ArgumentError

ROUNDS = 10
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (0x9E3779B9, 0xBB67AE85)
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def philox4x32(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Ten rounds of Philox.

    Arguments:
        counter: ``[blocks, 4]`` uint32.
        key: two 32-bit words.

    Returns:
        ``[blocks, 4]`` uint32.
    """
    first, second, third, fourth = np.ascontiguousarray(counter.T).astype(np.uint64)
    for round_ in range(ROUNDS):
        keys = [np.uint64((word + round_ * weyl) & 0xFFFFFFFF) for word, weyl in zip(key, WEYL, strict=True)]
        products = MULTIPLIERS[0] * first, MULTIPLIERS[1] * third
        first, second, third, fourth = (
            (products[1] >> HALF) ^ second ^ keys[0],
            products[1] & LOW,
            (products[0] >> HALF) ^ fourth ^ keys[1],
            products[0] & LOW,
        )
    return np.stack([first, second, third, fourth], axis=1).astype(np.uint32)


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
        raise ArgumentError(f"seed: expected a whole number from 0 to 2**64 - 1, got {seed}")
    if start < 0 or count < 0:
        raise ArgumentError(f"start, count: expected whole numbers from 0, got {start}, {count}")
    first, last = start // 4, -(-(start + count) // 4)
    block = np.arange(first, last, dtype=np.uint64)
    counter = np.zeros((len(block), 4), dtype=np.uint32)
    counter[:, 0], counter[:, 1] = block & LOW, block >> HALF
    words = philox4x32(counter, (seed & 0xFFFFFFFF, seed >> 32)).astype(np.float64)
    radius = np.sqrt(-2.0 * np.log((words[:, 0::2] + 1.0) / 2.0**32))
    angle = 2.0 * np.pi * words[:, 1::2] / 2.0**32
    stream = np.empty((len(block), 4), dtype=np.float32)
    stream[:, 0::2] = radius * np.cos(angle)
    stream[:, 1::2] = radius * np.sin(angle)
    skipped = start - 4 * first
    return stream.reshape(-1)[skipped : skipped + count]
