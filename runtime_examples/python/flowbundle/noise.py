r"""The noise behind every sample, the same numbers in every language.

Philox4x32-10 turns a 64-bit seed and the number of a block into four words, Box–Muller each pair of words into
two normals. Any part of the stream can be drawn alone.

References:
    Parallel random numbers: as easy as 1, 2, 3 (Salmon et al., SC 2011), https://doi.org/10.1145/2063384.2063405
"""

from __future__ import annotations

__all__ = ["normals", "philox"]

import numpy as np
from numpy.typing import NDArray

ROUNDS = 10
MULTIPLIER_0, MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL_0, WEYL_1 = 0x9E3779B9, 0xBB67AE85
WORD = 0xFFFFFFFF
LOW, HALF = np.uint64(WORD), np.uint64(32)


def philox(counter: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint64]:
    """Ten rounds of Philox4x32.

    Arguments:
        counter: ``[4, blocks]``, 32-bit words in 64-bit numbers, which hold their products.
        key: two 32-bit words.

    Returns:
        ``[4, blocks]``, 32-bit words.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        p, q = MULTIPLIER_0 * c0, MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (q >> HALF) ^ c1 ^ np.uint64(k0), q & LOW, (p >> HALF) ^ c3 ^ np.uint64(k1), p & LOW
        k0, k1 = (k0 + WEYL_0) & WORD, (k1 + WEYL_1) & WORD
    return np.stack([c0, c1, c2, c3])


def normals(seed: int, start: int, count: int) -> NDArray[np.float32]:
    """Standard normals number ``start`` … ``start + count − 1`` of a seed.

    Arguments:
        seed: 0 … 2⁶⁴ − 1.
        start, count: which of the stream, from 0.

    Returns:
        ``[count]``; none is larger than 6.66.
    """
    first, last = start // 4, -(-(start + count) // 4)
    blocks = np.arange(first, last, dtype=np.uint64)
    none = np.zeros_like(blocks)
    words = philox(np.stack([blocks & LOW, blocks >> HALF, none, none]), (seed & WORD, seed >> 32)).astype(np.float64)
    # u + 1 may be 2³², so it is added in float64.
    radius = np.sqrt(-2 * np.log((words[0::2] + 1) / 2**32))
    angle = 2 * np.pi * words[1::2] / 2**32
    stream = np.empty((len(blocks), 4), np.float32)
    stream[:, 0::2] = (radius * np.cos(angle)).T
    stream[:, 1::2] = (radius * np.sin(angle)).T
    skipped = start - 4 * first
    return stream.reshape(-1)[skipped : skipped + count]
