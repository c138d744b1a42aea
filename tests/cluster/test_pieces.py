"""Large files are read from any row on, in blocks that do not depend on where a piece begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from click.testing import CliRunner
from pyarrow import parquet

import flowexport
from flowexport.cli.main import main
from flowexport.cluster.pieces import PIECE_ROWS, cut, named_inputs, rows_of
from flowexport.errors import ArgumentError, DataError
from flowexport.tables import BLOCK_ROWS, open_table, sources_of
from tests.bundle.test_imports import run_without

ROWS = 300_000


@pytest.fixture(scope="module")
def numbers() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, 2))


@pytest.fixture(scope="module", params=["npy", "parquet", "parquet of one group", "parquet of texts"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, numbers: np.ndarray) -> Path:
    """The same rows in files whose readers cut them by other rules."""
    folder = tmp_path_factory.mktemp("large")
    if request.param == "npy":
        np.save(folder / "rows.npy", numbers)
        return folder / "rows.npy"
    columns: dict[str, Any] = {"x0": numbers[:, 0], "x1": numbers[:, 1]}
    if request.param == "parquet of texts":
        # A reader of texts ends its batches where row groups end.
        columns["label"] = pyarrow.array(["a", "b", "c"] * (ROWS // 3)).dictionary_encode()
    size = ROWS if request.param == "parquet of one group" else 77_777
    parquet.write_table(pyarrow.table(columns), folder / "rows.parquet", row_group_size=size)
    return folder / "rows.parquet"


def blocks_of(path: Path, rows: range | None) -> list[tuple[int, np.ndarray]]:
    """The number of the first row of each block, and its values."""
    (source,) = sources_of([path])
    table = open_table(replace(source, rows=rows))
    assert table.rows == (ROWS if rows is None else len(rows))
    label = [name for name in table.columns if name == "label"]
    coders = {"label": lambda text: float("abc".index(text))}
    return [(int(each.numbers[0]), each.values) for each in table.blocks(["x0", "x1", *label], coders)]


def test_all_blocks_but_the_last_are_of_one_size(large: Path, numbers: np.ndarray) -> None:
    blocks = blocks_of(large, None)
    assert [number for number, _ in blocks] == list(range(1, ROWS + 1, BLOCK_ROWS))
    np.testing.assert_array_equal(np.concatenate([values[:, :2] for _, values in blocks]), numbers)


@pytest.mark.parametrize(
    "rows", [range(BLOCK_ROWS, 3 * BLOCK_ROWS), range(4 * BLOCK_ROWS, ROWS), range(5, 5), range(77_777, 77_779)]
)
def test_some_rows_are_read_as_when_all_are(large: Path, numbers: np.ndarray, rows: range) -> None:
    found = blocks_of(large, rows)
    assert [number for number, _ in found] == list(range(rows.start + 1, rows.stop + 1, BLOCK_ROWS))
    if rows:
        np.testing.assert_array_equal(
            np.concatenate([values[:, :2] for _, values in found]), numbers[rows.start : rows.stop]
        )
    if found and found[0][1].shape[1] == 3:
        labels = np.concatenate([values[:, 2] for _, values in found])
        np.testing.assert_array_equal(labels, np.arange(rows.start, rows.stop) % 3)


def test_a_bad_row_has_its_number_in_the_file(tmp_path: Path) -> None:
    values = np.zeros(200_000)
    values[150_000] = np.nan
    parquet.write_table(pyarrow.table({"x0": values}), tmp_path / "rows.parquet", row_group_size=1000)
    (source,) = sources_of([tmp_path / "rows.parquet"])
    table = open_table(replace(source, rows=range(2 * BLOCK_ROWS, 3 * BLOCK_ROWS)))
    with pytest.raises(DataError, match=r"rows\.parquet: row 150001, column 'x0'"):
        next(table.blocks(["x0"])).require_finite()


def test_pieces_hold_every_row_once() -> None:
    assert cut(None) == cut(0) == cut(PIECE_ROWS) == [None]
    for rows in (PIECE_ROWS + 1, 5_000_000):
        pieces = [piece for piece in cut(rows) if piece is not None]
        assert [row for piece in pieces for row in (piece.start, piece.stop)][1:-1:2] == [
            piece.start for piece in pieces[1:]
        ]
        assert (pieces[0].start, pieces[-1].stop) == (0, rows)
        assert all(piece.start % BLOCK_ROWS == 0 for piece in pieces)


def test_names_are_kept_and_two_of_one_are_refused(tmp_path: Path) -> None:
    for name in ("a/x.csv", "a/deep/x.csv", "b/x.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x0\n1\n", encoding="utf-8")
    assert list(named_inputs([tmp_path / "a"])) == ["deep/x.csv", "x.csv"]
    assert rows_of(tmp_path / "a" / "x.csv") is None
    with pytest.raises(DataError, match=r"b/x\.csv: is named x\.csv, as .*a/x\.csv is, and both"):
        named_inputs([tmp_path / "a", tmp_path / "b" / "x.csv"])
    for wrong in ("-", "nowhere.csv"):
        with pytest.raises(DataError, match=f"{wrong}: no such file"):
            named_inputs([Path(wrong)])


def test_rows_of_a_draw_are_those_of_the_whole() -> None:
    model = flowexport.load("moons", device="cpu", threads=1)
    whole = model.sample(140_000, seed=5)
    for rows in (range(BLOCK_ROWS, 140_000), range(0, 3), range(7, 7)):
        parts = [*model.iterate_samples(140_000, seed=5, rows=rows), np.empty((0, 2), np.float32)]
        np.testing.assert_array_equal(np.concatenate(parts), whole[rows.start : rows.stop])
    for wrong in (range(0, 140_001), range(0, 10, 2)):
        with pytest.raises(ArgumentError, match=r"rows: expected a part of range\(140000\)"):
            next(model.iterate_samples(140_000, seed=5, rows=wrong))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("score moons x.csv --workers 2", "--workers belongs to --engine ray"),
        ("score moons x.csv --resume", "--resume belongs to --engine ray"),
        ("sample moons -n 1 --address h:1", "--address belongs to --engine ray"),
        ("score moons x.csv --engine ray", "--engine ray needs -o"),
        ("score moons x.csv --engine ray -o out --threads 2", "--threads does not go with --engine ray"),
        ("score moons x.csv --engine ray -o out --device cuda", "--device cuda does not go with --engine ray"),
        ("score moons x.csv --engine ray -o out --address h:1 --workers 2", "--workers are of this machine"),
        ("sample moons -n 1.5", "expected a whole number from 0, got '1.5'"),
        ("sample moons -n -1", "expected a whole number from 0, got '-1'"),
        ("sample moons -n nan", "expected a whole number from 0, got 'nan'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(words: str, message: str) -> None:
    found = CliRunner().invoke(main, words.split())
    assert found.exit_code == 2
    assert message in found.output


def test_a_number_of_rows_may_have_an_exponent() -> None:
    found = CliRunner().invoke(main, ["sample", "moons", "-n", "2e1", "--seed", "0"])
    assert found.output.count("\n") == 21


def test_without_ray_the_extra_is_named(tmp_path: Path) -> None:
    code = "from flowexport.cli.main import main; main(['sample', 'moons', '-n', '3', '--engine', 'ray', '-o', {!r}])"
    found = run_without({"ray"}, code.format(str(tmp_path / "out")))
    assert found.returncode == 2
    assert "pip install 'flowexport[ray]'" in found.stderr
