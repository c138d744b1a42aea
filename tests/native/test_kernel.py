"""The kernel computes what it says: its functions over all kinds of numbers, its products of all sizes, its noise."""

from __future__ import annotations

import numpy as np
import pytest

from flowexport.native.fold import FOLDS
from flowexport.native.form import FUNCTIONS, Form, Input, Linear, Load, Softmax
from flowexport.native.interpret import interpret
from flowexport.native.program import program_of
from flowexport.runtime.noise import normals

from .kernel import CODES, LEVELS, kernel, run_elementwise, runner_of

HOSTILE = np.array(
    [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 3e38, -3e38, 1e-38, 1e-45, -1e-45, 88.7, -87.3, 0.5], np.float32
)

BOUNDS = {"exp": 1.0, "log": 1.0, "sqrt": 0.5001}
"""Function → the most that it may be off, in units of the last place."""

EXACT = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
}

ROWS = [1, 2, 5, 8, 9, 16, 40]
"""Rows one by one, small tiles and large ones, and tiles with a lane that has no row."""


def every_bit_pattern(count: int) -> np.ndarray:
    """So many float32 of all 2³², evenly, with their neighbours in random places, and the hostile ones."""
    bits = np.linspace(0, 2**32 - 1, count).astype(np.uint64) + np.random.default_rng(0).integers(0, 999, count)
    return np.concatenate([HOSTILE, (bits % 2**32).astype(np.uint32).view(np.float32)])


def in_units_of_the_last_place(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """How far float32 numbers are from exact ones; 0 where both are the same infinity or no number."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = exact.astype(np.float32)
        same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
        return np.where(same, 0, np.abs(found - exact) / np.spacing(np.abs(rounded)).astype(np.float64))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("function", BOUNDS)
def test_an_elementary_function_is_off_by_a_unit_in_the_last_place_over_all_floats(function: str, level: str) -> None:
    numbers = every_bit_pattern(320_000)
    x = np.resize(numbers, (len(numbers) // 16, 16))
    for rows in (x, x[:1], x[:7]):
        found = run_elementwise(function, level, rows)
        with np.errstate(all="ignore"):
            exact = EXACT[function](rows.astype(np.float64))
        assert in_units_of_the_last_place(found, exact).max() <= BOUNDS[function]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("function", ["sigmoid", "softsign"])
def test_a_quotient_of_them_is_off_by_three_roundings(function: str, level: str) -> None:
    numbers = every_bit_pattern(320_000)
    x = np.resize(numbers, (len(numbers) // 16, 16))
    with np.errstate(all="ignore"):
        exact = EXACT[function](x.astype(np.float64))
    for rows in (20_000, 1, 7):
        # The smallest normal number: below it a sigmoid is 0.
        found = run_elementwise(function, level, x[:rows])
        np.testing.assert_allclose(found, exact[:rows], rtol=2.5e-7, atol=1.2e-38)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("function", sorted(set(FUNCTIONS) - set(EXACT)))
def test_a_function_is_that_of_the_form_for_hostile_numbers_too(function: str, level: str) -> None:
    grid = np.stack(np.meshgrid(*[HOSTILE] * FUNCTIONS[function], indexing="ij")).reshape(FUNCTIONS[function], -1, 15)
    with np.errstate(all="ignore"):
        expected = FOLDS[function](*grid)
    for rows in ROWS:
        some = [argument[:rows] for argument in grid]
        np.testing.assert_array_equal(run_elementwise(function, level, *some), expected[:rows])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("function", "exact"),
    [
        ("affine", lambda a, b, c: a * np.exp(b) + c),
        ("inverse_affine", lambda a, b, c: (a - b) * np.exp(c)),
        ("fma", lambda a, b, c: a * b + c),
        ("cap", lambda a, b: a / (1 + np.abs(a)) * b),
        ("silu", lambda a: a / (1 + np.exp(-a))),
    ],
)
def test_a_function_of_several_steps_is_within_their_roundings(function: str, exact, level: str) -> None:
    count = exact.__code__.co_argcount
    given = np.random.default_rng(1).normal(size=(count, 40, 37)).astype(np.float32)
    wanted = exact(*given.astype(np.float64))
    for rows in ROWS:
        found = run_elementwise(function, level, *(argument[:rows] for argument in given))
        np.testing.assert_allclose(found, wanted[:rows], rtol=5e-7, atol=1e-6)


def test_every_function_of_the_kernel_is_tested_here() -> None:
    steps = {"affine", "inverse_affine", "fma", "cap", "silu", "copy"}
    assert set(CODES.functions) == steps | set(FUNCTIONS)


def product(inputs: int, outputs: int, relu: bool, sparse: bool) -> Linear:
    draw = np.random.default_rng(inputs * 100 + outputs)
    weights = draw.normal(size=(inputs, outputs)).astype(np.float32)
    return Linear(1, (Load(0, 0),), weights, draw.normal(size=outputs).astype(np.float32), relu, sparse)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("inputs", [1, 3, 16, 33, 130])
def test_products_of_all_sizes_are_those_of_float64(inputs: int, relu: bool, level: str) -> None:
    for outputs in (1, 2, 4, 5, 15, 16, 17, 31, 40, 64, 100, 144, 260):
        linear = product(inputs, outputs, relu, sparse=relu)
        form = Form(
            (Input("x", 0),), tuple(Load(1, n, 0) for n in range(outputs)), (outputs,), (inputs, outputs), (linear,)
        )
        runner = runner_of(program_of(form, CODES), level)
        x = np.random.default_rng(2).normal(size=(40, inputs)).astype(np.float32)
        x[x < -0.3] = 0
        exact = x.astype(np.float64) @ linear.weights + linear.bias
        exact = np.maximum(exact, 0) if relu else exact
        for rows in ROWS:
            np.testing.assert_allclose(runner.run(x[:rows]), exact[:rows], atol=3e-7 * inputs + 1e-6, rtol=1e-6)
        x[0, -1] = np.nan
        assert np.isnan(runner.run(x[:1])).all()


@pytest.mark.parametrize("level", LEVELS)
def test_softmax_is_that_of_the_form(level: str) -> None:
    for count in (1, 3, 8, 16, 21):
        softmax = Softmax(1, (Load(0, 0), Load(0, count)), count)
        form = Form(
            (Input("x", 0),),
            tuple(Load(1, n, 0) for n in range(2 * count)),
            (2, count),
            (2 * count, 2 * count),
            (softmax,),
        )
        x = np.random.default_rng(3).normal(scale=20, size=(40, 2 * count)).astype(np.float32)
        for rows in ROWS:
            found = runner_of(program_of(form, CODES), level).run(x[:rows])
            np.testing.assert_allclose(found, interpret(form, {"x": x[:rows]}), rtol=2e-6, atol=1e-30)


def test_noise_is_that_of_the_contract_in_any_slice() -> None:
    known = [0.9911377, -0.9246626, -0.61760896, -0.4820686]
    np.testing.assert_array_almost_equal_nulp(kernel().normals(0, 0, 4), np.array(known, np.float32), 1)
    for seed, start, count in ((2**63 + 5, 0, 4), (7, 3, 10_001), (2**64 - 1, 2**40 + 1, 7), (1, 5, 0)):
        np.testing.assert_array_almost_equal_nulp(kernel().normals(seed, start, count), normals(seed, start, count), 1)
