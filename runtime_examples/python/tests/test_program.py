"""The program: golden figures, tables, and the line and the status of what goes wrong."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import Tampered
from flowbundle.manifest import ContextFeature
from program.commands import main
from program.golden import compare
from program.tables import value_of


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object, rows: str = "") -> tuple[int, list[str], str]:
    """A command's status, the lines of its standard output, and its standard error."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(rows.encode())))
    status = main([str(argument) for argument in arguments])
    out.seek(0)
    return status, out.read().splitlines(), err.getvalue()


def test_golden_passes_and_fails_by_the_number(
    banana: Path, tampered: Tampered, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, lines, _ = run(monkeypatch, "golden", banana)
    assert (status, lines[-1]) == (0, "passed 17, failed 0")

    def nudge(array: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
        array[5] += 3e-4

    tampered.change_array("golden/log_prob.npy", nudge)
    status, lines, _ = run(monkeypatch, "golden", tampered.path)
    assert (status, lines[-1]) == (1, "passed 14, failed 3")
    assert [line.split("\t")[0] for line in lines if line.endswith("failed")] == ["data_7", "data_64", "data_1000"]


@pytest.mark.parametrize(
    ("found", "expected", "passed"),
    [
        ([1.0, 2.0], [1.0, 2.0001], True),
        ([1.0, 2.0], [1.0, 2.0003], False),
        ([1.0, np.nan], [1.0, 2.0], False),
        ([1.0, np.nan], [1.0, np.nan], False),
        ([-np.inf], [-np.inf], True),
        ([-1e9], [-np.inf], False),
        ([-np.inf], [-1e9], False),
        ([np.inf], [-np.inf], False),
        ([1.0], [1.0, 2.0], False),
        ([], [], False),
    ],
)
def test_a_comparison_holds_every_number(found: list[float], expected: list[float], passed: bool) -> None:
    assert compare("case", np.array(found), np.array(expected), 1e-4, 1e-5)[3] is passed


def test_the_figures_are_those_of_the_number_nearest_to_its_bound() -> None:
    line = compare("case", np.array([1000.001, 2.00005]), np.array([1000.0, 2.0]), 1e-4, 1e-5)
    assert line[:3] == ("case", "5e-05", "0.00012")


def test_columns_are_matched_by_name(banana: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = "\ufeffextra,x2,x1\r\n?,2.0,1.0\r\n\r\n?,-0.5,1e-3\r\n"
    status, lines, _ = run(monkeypatch, "score", banana, rows=table)
    assert (status, len(lines), lines[0]) == (0, 3, "log_prob,percentile")
    assert lines == run(monkeypatch, "score", banana, rows="x1,x2\n1,2\n0.001,-0.5\n")[1]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "no column 'x1'"),
        ("x1\n1\n", "no column 'x2'"),
        ("x1,x1,x2\n1,1,1\n", "two columns 'x1'"),
        ("x1,x2\n1,2\n1,nan\n", "row 2: column x2: 'nan' is no finite number"),
        ("x1,x2\n1,\n", "row 1: column x2: ''"),
        ("x1,x2\n1\n", "row 1: expected 2 cells, got 1"),
        ("x1,x2\ninf,1\n", "row 1: column x1: 'inf'"),
        ("x1,x2\n1e39,1\n", "row 1: column x1: '1e39'"),
        ("x1,x2\n1_000,1\n", "row 1: column x1: '1_000'"),
        ("x1,x2\n" + "1,2\n" * 2000 + "1,x\n", "row 2001: column x2: 'x'"),
        ('x1,x2\n"1,2\n', "a quote is not closed"),
    ],
)
def test_a_table_that_cannot_be_scored_is_refused_by_row_and_column(
    banana: Path, monkeypatch: pytest.MonkeyPatch, table: str, words: str
) -> None:
    status, _, error = run(monkeypatch, "score", banana, rows=table)
    assert status == 2
    assert error.startswith("flow: standard input: ")
    assert error.count("\n") == 1
    assert words in error


@pytest.mark.parametrize(
    ("cell", "value"),
    [("good", 1.0), (" good ", 1.0), ("1", 1.0), ("2.0", 2.0), ("3", None), ("1.5", None), ("-1", None), ("x", None)],
)
def test_a_category_is_its_name_or_its_code(cell: str, value: float | None) -> None:
    assert value_of(cell, ContextFeature("cut", ("fair", "good", "ideal")), 1e38, coded=True) == value


def test_a_bundle_without_reference_says_so(tampered: Tampered, monkeypatch: pytest.MonkeyPatch) -> None:
    tampered.set("reference", None)
    status, lines, error = run(monkeypatch, "score", tampered.path, rows="x1,x2\n1,2\n")
    assert (status, lines[0], len(lines[1].split(","))) == (0, "log_prob", 1)
    assert "no percentiles" in error


def test_samples_have_a_header_and_as_many_rows(banana: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (0, 1, 1500):
        status, lines, _ = run(monkeypatch, "sample", banana, count, 2**64 - 1, 0.5)
        assert (status, lines[0], len(lines)) == (0, "x1,x2", count + 1)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["forecast"],
        ["golden"],
        ["score", "a", "b"],
        ["sample", "BANANA", "1"],
        ["sample", "BANANA", "-1", "0"],
        ["sample", "BANANA", "1", "18446744073709551616"],
        ["sample", "BANANA", "1", "0", "warm"],
        ["sample", "BANANA", "1", "0", "-1"],
        ["sample", "BANANA", "1", "0", "--context", "1,2"],
        ["golden", "nowhere"],
    ],
)
def test_bad_usage_is_one_line(banana: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    given = [str(banana) if argument == "BANANA" else argument for argument in arguments]
    status, lines, error = run(monkeypatch, *given)
    assert (status, lines) == (2, [])
    assert error.count("\n") == 1


def test_bench_has_four_rows(banana: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("program.bench.SECONDS", 0.01)
    status, lines, _ = run(monkeypatch, "bench", banana)
    assert status == 0
    assert lines[0] == "graph,rows,microseconds"
    assert [line.rsplit(",", 1)[0] for line in lines[1:]] == ["log_prob,1", "sample,1", "log_prob,1000", "sample,1000"]
    assert all(float(line.rsplit(",", 1)[1]) > 0 for line in lines[1:])
