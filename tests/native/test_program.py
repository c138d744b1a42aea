"""A program says what its form says, and a program that is not well made is refused before it runs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from flowexport.native.form import Apply, Elementwise, Form, Input, Load, Run
from flowexport.native.program import MOST_RUNS, Program, program_of
from flowexport.native.read import read_form

from .golden import VECTORS, cases, share_of_bound, zoo
from .kernel import CODES, LEVELS, kernel, runner_of

AT_ONCE = [1, 3, 7, 1000]
"""Rows a call: one by one, small tiles, and large ones."""


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("graph", ["log_prob", "sample"])
def test_the_golden_cases_hold_on_every_level_however_many_rows_come_at_once(name: str, graph: str) -> None:
    form = read_form(zoo(name), graph, MOST_RUNS)
    program = program_of(form, CODES)
    for level in LEVELS:
        runner = runner_of(program, level)
        for case in cases(name, graph):
            inputs = [np.ascontiguousarray(case.inputs[each.name], np.float32) for each in form.inputs]
            for rows in AT_ONCE:
                parts = [
                    runner.run(*(each[start : start + rows] for each in inputs))
                    for start in range(0, len(inputs[0]), rows)
                ]
                assert share_of_bound(name, case, np.concatenate(parts)) <= 1, (level, case.name, rows)


def refused(program: Program, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        runner_of(program)


def changed(program: Program, **arrays: tuple[int, int]) -> Program:
    """A program with one number of an array set to another."""
    made = {}
    for name, (place, number) in arrays.items():
        array = getattr(program, name).copy()
        array.flat[place] = number
        made[name] = array
    return dataclasses.replace(program, **made)


def test_a_program_that_leaves_its_bounds_is_refused() -> None:
    program = program_of(read_form(zoo("moons"), "log_prob", MOST_RUNS), CODES)
    runner_of(program)
    refused(changed(program, outputs=(0, program.scratch)), "an output leaves scratch")
    refused(changed(program, outputs=(0, -2 - len(program.weights))), "an output leaves scratch")
    refused(changed(program, inputs=(0, program.scratch - 1)), "an input leaves scratch")
    refused(changed(program, inputs=(0, -2)), "an input leaves scratch")
    refused(changed(program, inputs=(1, 0)), "an input has no width")
    refused(changed(program, inputs=(1, 2**31 - 1)), "an input has no width")
    refused(dataclasses.replace(program, scratch=2**30), "scratch is too large")
    refused(dataclasses.replace(program, scratch=0), "scratch is too large")
    refused(dataclasses.replace(program, code=program.code[:-1]), "an operation is unknown or cut off")
    refused(dataclasses.replace(program, weights=program.weights[:-16]), "leaves scratch or the weights")
    refused(dataclasses.replace(program, inputs=np.zeros((3, 2), np.int32)), "one or two inputs")
    refused(dataclasses.replace(program, shape=(2,)), "the outputs do not have the shape")
    refused(dataclasses.replace(program, weights=program.weights.astype(np.float64)), "expected arrays of int32")


@pytest.mark.parametrize("word", [-1, -(2**31), 2**31 - 1, 2**20, 99])
def test_no_word_of_a_program_can_be_set_so_that_it_leaves_its_bounds(word: int) -> None:
    """Every word in turn: what the check lets through runs, and touches nothing else (`make test-slow`: under ASan)."""
    program = program_of(read_form(zoo("mixture"), "log_prob", MOST_RUNS), CODES)
    x = np.zeros((20, 2), np.float32)
    refusals = 0
    for place in range(len(program.code)):
        try:
            runner = runner_of(changed(program, code=(place, word)))
        except ValueError:
            refusals += 1
            continue
        runner.run(x)
        runner.run(x[:1])
    assert refusals > len(program.code) / 3


def test_arrays_that_do_not_fit_are_refused() -> None:
    runner = runner_of(program_of(read_form(zoo("noisy_ring"), "log_prob", MOST_RUNS), CODES))
    x, context = np.zeros((5, 2), np.float32), np.zeros((5, 1), np.float32)
    assert runner.run(x, context).shape == (5,)
    assert runner.run(x[:0], context[:0]).shape == (0,)
    for inputs in (
        (x,),
        (x, context[:4]),
        (x.astype(np.float64), context),
        (x[:, :1], context),
        (x.T.copy().T, context),
        (x, 1),
    ):
        with pytest.raises(ValueError, match="expected an array"):
            runner.run(*inputs)
    for out in (np.empty(4, np.float32), np.empty(5, np.float64)):
        with pytest.raises(ValueError, match="expected an array"):
            runner.run_into(x, context, out)


def test_an_instruction_set_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no such instruction set"):
        kernel().level("x86-64-v9")


def test_what_an_expression_is_made_of_is_computed_once() -> None:
    """exp(sigmoid(a · b)): three operations of the kernel, though every one of its functions has three operands."""
    inner = Apply("sigmoid", (Apply("mul", (Load(0, 0), Load(0, 1))),))
    run = Run(0, 1, Apply("exp", (inner,)))
    form = Form((Input("x", 0),), (Load(1, 0, 0),), (), (2, 1), (Elementwise(1, (run,)),))
    program = program_of(form, CODES)
    assert len(program.code) == 3 * 10
    x = np.array([[2, 0.5]], np.float32)
    np.testing.assert_allclose(runner_of(program).run(x), np.exp(1 / (1 + np.exp(-1.0))), rtol=1e-6)


def wrong_rows() -> dict[str, object]:
    """What is no array of one number of float32 a row, in C order."""
    x = np.ones((6, 1), np.float32)
    return {
        "another type": x.astype(np.float64),
        "whole numbers": x.astype(np.int32),
        "another order of bytes": x.astype(">f4"),
        "every second row": np.ones((12, 1), np.float32)[::2],
        "an odd byte": np.frombuffer(b"\0" + x.tobytes(), np.float32, offset=1).reshape(x.shape),
        "another width": np.ones((6, 2), np.float32),
        "one axis": x[:, 0],
        "three axes": x[None],
        "a list": x.tolist(),
        "a buffer": memoryview(x),
        "nothing": None,
    }


def doubling() -> Program:
    """y = x + x of one number."""
    numbers = (Load(0, 0), Load(0, 0))
    operations = (Elementwise(1, (Run(0, 1, Apply("add", numbers)),)),)
    return program_of(Form((Input("x", 0),), (Load(1, 0, 0),), (), (1, 1), operations), CODES)


@pytest.mark.parametrize("kind", wrong_rows())
def test_what_the_kernel_cannot_read_is_not_read(kind: str) -> None:
    runner, wrong = runner_of(doubling()), wrong_rows()[kind]
    assert runner.score(wrong, None) is None
    out = np.zeros(6, np.float32)
    for call in (lambda: runner.run(wrong), lambda: runner.run_into(wrong, out)):
        with pytest.raises(ValueError, match="expected an array"):
            call()
    assert not out.any()


def test_rows_are_read_where_they_may_not_be_written_and_written_only_where_they_may() -> None:
    runner, x = runner_of(doubling()), np.arange(6, dtype=np.float32)[:, None]
    x.flags.writeable = False
    for found in (runner.run(x), runner.score(x, None)):
        np.testing.assert_array_equal(found, 2 * x[:, 0])
    fixed = np.zeros(6, np.float32)
    fixed.flags.writeable = False
    short, strided, doubles = np.zeros(5, np.float32), np.zeros(12, np.float32)[::2], np.zeros(6)
    for out in (fixed, short, strided, doubles, bytearray(24), None):
        with pytest.raises(ValueError, match="expected an array"):
            runner.run_into(x, out)
    assert not fixed.any()
    assert not strided.any()
    assert runner.score(x[:0], None) is None
    assert runner.score(np.zeros((1025, 1), np.float32), None) is None
    # Only an array itself goes the quick way: what a class of its own means by its numbers, numpy knows.
    assert runner.score(np.ma.masked_array(x), None) is None
