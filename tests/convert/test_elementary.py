"""exp and log stand twice, for vectors in the prebuilt kernel and for one number in generated C: they are the same."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
OF_KERNEL = (ROOT / "native" / "kernel" / "elementary.h").read_text(encoding="utf-8")
OF_C = (ROOT / "flowexport" / "convert" / "c" / "flowexport_kernels.h").read_text(encoding="utf-8")

NUMBER = r"\d+\.\d*(?:e-?\d+)?"


def body(source: str, function: str) -> str:
    """The statements of a function, constants of the preprocessor as the numbers that they are."""
    for name, value in re.findall(rf"#define (\w+) \(?(-?{NUMBER}f)\)?$", source, re.MULTILINE):
        source = source.replace(name, value)
    found = re.search(rf" {function}\(\w+ x\)\s*\{{\n(.*?)\n\}}", source, re.DOTALL)
    assert found is not None, function
    return found.group(1)


def polynomial(text: str) -> np.ndarray:
    """Coefficients as float32, the highest power first: those of ``y = x * a + b``, then of each ``y = y * x + c``."""
    steps = re.findall(rf"[py] = \w \* (?:\w|({NUMBER})f) ([+-]) ({NUMBER})f;", text)
    return np.array([float(first) for first, _, _ in steps if first] + [float(s + n) for _, s, n in steps], np.float32)


def numbers(text: str) -> set[np.float32]:
    """Every constant of float32, without its sign."""
    return {np.float32(each) for each in re.findall(rf"({NUMBER})f", text)}


@pytest.mark.parametrize(("of_kernel", "of_c", "terms"), [("exponential", "fx_exp", 6), ("logarithm", "fx_log", 9)])
def test_the_polynomials_of_the_kernel_are_those_of_generated_c(of_kernel: str, of_c: str, terms: int) -> None:
    ours, theirs = body(OF_KERNEL, of_kernel), body(OF_C, of_c)
    assert len(polynomial(ours)) == terms
    np.testing.assert_array_equal(polynomial(ours), polynomial(theirs))
    # ln 2 in two parts, the bounds, what scales a denormal; C writes out some of what the kernel takes from bits.
    assert numbers(ours) <= numbers(theirs)
