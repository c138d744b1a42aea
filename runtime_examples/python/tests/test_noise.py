"""The noise: known answers, and that any part of the stream can be had alone."""

import numpy as np
import pytest
from flowbundle.noise import normals, philox


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_gives_the_published_words(counter: str, key: str, words: str) -> None:
    k0, k1 = (int(word, 16) for word in key.split())
    given = np.array([[int(word, 16)] for word in counter.split()], np.uint64)
    assert [f"{word:08x}" for (word,) in philox(given, (k0, k1)).tolist()] == words.split()


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (0, [0.9911377, -0.9246626, -0.61760896, -0.4820686]),
        (2**63 + 5, [0.24326237, 0.01694727, -1.5504903, 0.27301276]),
    ],
)
def test_the_first_normals_of_a_seed(seed: int, expected: list[float]) -> None:
    found = normals(seed, 0, 4)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-7)


@pytest.mark.parametrize("start", [0, 1, 3, 4, 1021])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 64])
def test_a_part_of_the_stream_is_that_of_the_whole(start: int, count: int) -> None:
    np.testing.assert_array_equal(normals(7, start, count), normals(7, 0, 2000)[start : start + count])


def test_the_counter_goes_on_above_32_bits() -> None:
    far = normals(1, 4 * 2**32 - 4, 8)
    assert len(set(far.tolist())) == 8
    assert not np.array_equal(far[4:], normals(1, 0, 4))


def test_the_stream_is_standard_normal() -> None:
    stream = normals(3, 0, 400_000).astype(np.float64)
    assert abs(stream.mean()) < 0.01
    assert abs(stream.var() - 1) < 0.01
    assert np.abs(stream).max() < 6.66
