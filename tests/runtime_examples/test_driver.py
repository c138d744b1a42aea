"""runtime_examples/driver: what is the same for all languages, held to known answers and to programs that misbehave."""

from __future__ import annotations

import math
import sys
from array import array
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from .languages import EXAMPLES

sys.path.insert(0, str(EXAMPLES))

from driver.arrays import Array, read_npy
from driver.errors import Failure, Refusal
from driver.golden import compare
from driver.program import Program
from driver.tables import shortest


def npy(header: str, body: int) -> bytes:
    """An .npy file with a header, padded as NumPy does, and a body of zeros."""
    return b"\x93NUMPY\x01\x00\x76\x00" + header.ljust(117).encode() + b"\n" + bytes(body)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (0, 2), (1, 2, 3, 4)])
def test_an_array_of_numpy_is_read(dtype: type, shape: tuple[int, ...], tmp_path: Path) -> None:
    expected = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    np.save(tmp_path / "x.npy", expected)
    found = read_npy((tmp_path / "x.npy").read_bytes(), "x.npy")
    assert found.shape == shape
    assert found.to_bytes() == expected.tobytes()
    assert found.rows(0, shape[0] // 2).to_bytes() == expected[: shape[0] // 2].tobytes()


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", 8),
        ("{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", 8),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 8),
        ("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } x", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999,), }", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"[::-1], 8),
    ],
)
def test_any_other_header_is_refused(header: str, body: int) -> None:
    with pytest.raises(Failure, match=r"^x\.npy: "):
        read_npy(npy(header, body), "x.npy")


def test_a_broken_array_is_refused_or_read_as_what_it_says(tmp_path: Path) -> None:
    """Cut short anywhere, and with any bit of its header changed."""
    np.save(tmp_path / "x.npy", np.zeros((4, 2), np.float32))
    whole = (tmp_path / "x.npy").read_bytes()
    for size in range(len(whole)):
        with pytest.raises(Failure):
            read_npy(whole[:size], "x.npy")
    for bit in range(128 * 8):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        try:
            assert len(read_npy(bytes(data), "x.npy").to_bytes()) == 32
        except Failure:
            continue


@pytest.mark.parametrize(
    ("number", "narrow", "wide"),
    [
        (0.0, "0", "0"),
        (0.1, "0.1", "0.10000000149011612"),
        (1 / 3, "0.33333334", "0.3333333432674408"),
        (16777216.0, "16777216", "16777216"),
        (-1e-45, "-1e-45", "-1.401298464324817e-45"),
        (-math.inf, "-inf", "-inf"),
        (math.nan, "nan", "nan"),
    ],
)
def test_numbers_are_written_shortest(number: float, narrow: str, wide: str) -> None:
    rounded = Array.of("f4", (1,), [number])
    assert [*shortest(rounded)] == [narrow]
    assert [*shortest(Array.of("f8", (1,), rounded.values))] == [wide]


def test_shortest_is_numpys_shortest() -> None:
    bits = np.random.default_rng(0).integers(0, 2**32, 20_000, np.uint32).view(np.float32)
    numbers = bits[np.isfinite(bits)]
    found = [*shortest(Array.from_bytes("f4", numbers.shape, numbers.tobytes()))]
    assert np.array_equal(np.array(found, np.float32), numbers)
    longer = [
        (text, each) for text, each in zip(found, numbers, strict=True) if count(text) > count(repr(float(str(each))))
    ]
    assert longer == []


def count(text: str) -> int:
    """Significant digits."""
    return len(text.partition("e")[0].lstrip("-").replace(".", "").strip("0"))


@pytest.mark.parametrize(
    ("found", "expected", "passed"),
    [
        ([1.0, 2.0], [1.0, 2.0], True),
        ([1.0 + 1e-4, 2.0], [1.0, 2.0], True),
        ([1.0 + 3e-4, 2.0], [1.0, 2.0], False),
        ([-math.inf], [-math.inf], True),
        ([-1e9], [-math.inf], False),
        ([math.nan], [1.0], False),
        ([1.0], [math.nan], False),
        ([math.nan], [math.nan], False),
        ([1.0], [1.0, 2.0], False),
        ([], [], False),
    ],
)
def test_a_comparison_fails_unless_every_number_is_near(
    found: list[float], expected: list[float], passed: bool
) -> None:
    assert compare("case", found, expected, 1e-4, 1e-4, repeat(0.0), repeat(1.0)).passed == passed


ANSWERS = {
    "nothing": "",
    "half an answer": "sys.stdout.buffer.write(b'f4:2\\n' + bytes(4))",
    "something else": "print('Hello')",
    "a type that is none": "print('f4')",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_program_that_does_not_answer_is_told(answer: str) -> None:
    script = f"import sys; print('f4:0', flush=True); sys.stdin.readline(); {ANSWERS[answer]}"
    program = Program([sys.executable, "-c", script], "bundle", None)
    with pytest.raises(Failure, match="ended with status 0 in place of an answer"):
        program.normals(0, 0, 2)
    program.kill()


def test_a_program_that_ends_badly_is_told() -> None:
    program = Program([sys.executable, "-c", "print('f4:0', flush=True); exit(9)"], "bundle", None)
    with pytest.raises(Failure, match="ended with status 9"):
        program.close()
    with pytest.raises(Failure, match="nowhere/flow: cannot be started"):
        Program(["nowhere/flow"], "bundle", None)


def test_words_and_bytes_of_a_request_are_those_of_the_protocol() -> None:
    """A program that sends back what it was asked, as numbers."""
    script = """
import sys
print("f4:0", flush=True)
line = sys.stdin.buffer.readline()
data = sys.stdin.buffer.read(8 + 4)
print("error", "word", ascii(line + data), flush=True)
"""
    program = Program([sys.executable, "-c", script], "bundle", None)
    x, context = (Array("f4", shape, array("f", [1.0, -2.0][: len(shape)])) for shape in ((1, 2), (1,)))
    with pytest.raises(Refusal) as refusal:
        program.log_prob(x, context)
    program.close()
    assert refusal.value.code == "word"
    sent = np.float32([1, -2, 1]).tobytes()
    assert str(refusal.value) == ascii(b"log_prob f4:1,2 f4:1\n" + sent)
