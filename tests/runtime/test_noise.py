"""The noise: the known answers of its definition, and any slice of the stream on its own."""

import math

import numpy as np
import pytest

from flowexport.errors import ArgumentError
from flowexport.runtime import normals, philox4x32


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF, 0xFFFFFFFF), "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_known_answers(counter: tuple[int, ...], key: tuple[int, int], words: str) -> None:
    found = philox4x32(np.array([counter], dtype=np.uint32), key)[0]
    assert " ".join(f"{word:08x}" for word in found) == words


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (0, [0.9911377, -0.9246626, -0.61760896, -0.4820686]),
        (2**63 + 5, [0.24326237, 0.01694727, -1.5504903, 0.27301276]),
    ],
)
def test_normals_give_the_known_answers(seed: int, expected: list[float]) -> None:
    np.testing.assert_allclose(normals(seed, 0, 4), np.float32(expected), rtol=1.2e-7, atol=5e-9)


def test_normals_are_box_muller_of_the_words_written_out() -> None:
    """Independently of the vectorised code, in plain Python, around a block's edge far out in the stream."""
    seed, block = 2**64 - 1, 2**33 + 1
    words = philox4x32(
        np.array([[block & 0xFFFFFFFF, block >> 32, 0, 0]], dtype=np.uint32), (seed & 0xFFFFFFFF, seed >> 32)
    )
    expected = []
    for u, v in words.reshape(2, 2).tolist():
        radius, angle = math.sqrt(-2 * math.log((u + 1) / 2**32)), 2 * math.pi * v / 2**32
        expected += [radius * math.cos(angle), radius * math.sin(angle)]
    np.testing.assert_allclose(normals(seed, 4 * block, 4), np.float32(expected), rtol=1.2e-7)


@pytest.mark.parametrize(("start", "count"), [(0, 0), (0, 1), (3, 1), (3, 2), (4, 4), (1, 998), (997, 3)])
def test_any_slice_is_that_of_the_whole(start: int, count: int) -> None:
    np.testing.assert_array_equal(normals(7, start, count), normals(7, 0, 1000)[start : start + count])


def test_they_are_standard_normal_and_bounded() -> None:
    many = normals(1, 0, 1_000_000).astype(np.float64)
    error = 1 / math.sqrt(len(many))
    assert abs(many.mean()) < 4 * error
    assert abs(many.var() - 1) < 4 * math.sqrt(2) * error
    assert abs((many**4).mean() - 3) < 4 * math.sqrt(96) * error
    assert np.abs(many).max() <= 6.66


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_that_does_not_fit_is_refused(seed: int) -> None:
    with pytest.raises(ArgumentError, match="seed"):
        normals(seed, 0, 1)
