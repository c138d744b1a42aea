"""From a table with names to scores and samples by name: every verb, CSV and Parquet, and mistakes in one line."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import flowexport
from flowexport.cli.main import main
from flowexport.runtime import Model
from flowexport.tables import open_table
from tests.graded import COLORS, CUTS, graded, write_recipe, write_table


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def read(path: Path) -> np.ndarray:
    table = open_table(path)
    return np.concatenate([block.values for block in table.blocks(table.columns)])


@pytest.fixture(scope="module", params=[".csv", ".parquet"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe over each format, trained, exported and verified."""
    folder = tmp_path_factory.mktemp("graded")
    recipe = write_recipe(folder, f"rows{request.param}")
    for words in (
        ("train", recipe, "-o", folder / "run"),
        ("export", folder / "run", "-o", folder / "bundle"),
        ("verify", folder / "bundle", "--device", "cpu", "--checkpoint", folder / "run"),
    ):
        result = run(*words)
        assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return flowexport.load(folder / "bundle", device="cpu")


def codes() -> np.ndarray:
    """The context of the rows, by the order in which the recipe names its columns."""
    rows = graded()
    cut = [CUTS.index(each) for each in rows["cut"].tolist()]
    color = [COLORS.index(each) for each in rows["color"].tolist()]
    return np.stack([cut, rows["angle"], color, rows["stars"] - 1], axis=1)


def features() -> np.ndarray:
    return np.stack([graded()["price"], graded()["fraction"]], axis=1)


def test_the_bundle_says_which_categories_there_are(folder: Path) -> None:
    manifest = json.loads((folder / "bundle" / "flow.json").read_text())
    assert manifest["context_features"] == [
        {"name": "cut", "categories": CUTS},
        {"name": "angle"},
        {"name": "color", "categories": COLORS},
        {"name": "stars", "categories": [str(star) for star in range(1, 13)]},
    ]
    shown = " ".join(run("inspect", folder / "bundle").stdout.split())
    assert "cut: one of fair, good, ideal angle: a number color: one of D, E, rare, F stars: one of 1, 2, 3" in shown


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_score_reads_names(folder: Path, model: Model, tmp_path: Path, suffix: str) -> None:
    expected = model.log_prob(features(), codes())
    table = write_table(tmp_path / f"names{suffix}", graded())
    result = run("score", folder / "bundle", table, "-o", tmp_path / "scores.csv", "--device", "cpu")
    assert result.exit_code == 0, result.output
    found = read(tmp_path / "scores.csv")
    np.testing.assert_array_equal(found[:, 0].astype(np.float32), expected)
    np.testing.assert_allclose(found[:, 1], model.percentile(expected))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_labels_that_are_numbers_are_compared_as_numbers(
    folder: Path, model: Model, tmp_path: Path, suffix: str
) -> None:
    """Stars from 1 to 12, as numbers of another kind, and as text where the table can hold it."""
    expected = model.log_prob(features(), codes())
    texts = np.array([f"0{star}.0" for star in graded()["stars"]])
    for stars in (graded()["stars"].astype(float), texts):
        table = write_table(tmp_path / f"rows{suffix}", graded() | {"stars": stars})
        result = run("score", folder / "bundle", table, "-o", tmp_path / "scores.npy", "--device", "cpu")
        assert result.exit_code == 0, result.output
        np.testing.assert_array_equal(np.load(tmp_path / "scores.npy")[:, 0].astype(np.float32), expected)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(("column", "cell"), [("stars", 0), ("cut", 1)])
def test_a_code_in_a_table_is_no_label(folder: Path, tmp_path: Path, suffix: str, column: str, cell: int) -> None:
    rows = graded() | {column: np.full(300, cell)}
    table = write_table(tmp_path / f"rows{suffix}", rows)
    result = run("score", folder / "bundle", table, "--device", "cpu")
    assert result.exit_code == 2
    assert f"row 1, column '{column}' holds" in result.stderr


def test_score_takes_one_context_for_all_rows(folder: Path, model: Model, tmp_path: Path) -> None:
    table = write_table(tmp_path / "rows.csv", {name: graded()[name] for name in ("price", "fraction")})
    result = run("score", folder / "bundle", table, "--context", 'good,9.5,"E, rare",12', "--device", "cpu")
    assert result.exit_code == 0, result.output
    found = np.loadtxt(result.stdout.splitlines()[1:], delimiter=",")
    np.testing.assert_array_equal(found[:, 0].astype(np.float32), model.log_prob(features(), [1, 9.5, 1, 11]))


def test_score_prints_minus_infinity_outside_the_support(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("price,fraction\n0,0.5\n2,0.5\n2,1\n-1,3\n")
    result = run("score", folder / "bundle", tmp_path / "rows.csv", "--context", "fair,9,D,1", "--device", "cpu")
    lines = result.stdout.splitlines()[1:]
    assert [line for place, line in enumerate(lines) if place != 1] == ["-inf,0"] * 3
    assert np.isfinite(float(lines[1].split(",")[0]))


@pytest.mark.parametrize("context", ["ideal,10,D,3", "2,10,0,3", "ideal, 1e1 ,D, 3"])
def test_sample_takes_names_and_codes(folder: Path, model: Model, context: str) -> None:
    result = run("sample", folder / "bundle", "-n", 4, "--seed", 7, "--context", context, "--device", "cpu")
    assert result.exit_code == 0, result.output
    lines = list(csv.reader(result.stdout.splitlines()))
    assert lines[0] == ["price", "fraction", "cut", "angle", "color", "stars"]
    assert [line[2:] for line in lines[1:]] == [["ideal", "10", "D", "3"]] * 4
    found = np.float32([line[:2] for line in lines[1:]])
    np.testing.assert_array_equal(found, model.sample(4, [2, 10, 0, 2], seed=7))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_sample_takes_a_table_of_names(folder: Path, model: Model, tmp_path: Path, suffix: str) -> None:
    rows = graded(5)
    table = write_table(tmp_path / f"contexts{suffix}", rows)
    target = tmp_path / "samples.npy"
    command = ["sample", folder / "bundle", "-n", 3, "--seed", 0, "--context", table, "--device", "cpu", "-o"]
    result = run(*command, target)
    assert result.exit_code == 0, result.output
    given = {"cut": rows["cut"], "angle": rows["angle"], "color": rows["color"], "stars": rows["stars"] - 1}
    samples = np.load(target)[:, :2]
    np.testing.assert_array_equal(samples, model.sample(3, given, seed=0))
    assert ((samples > 0).all(axis=1) & (samples[:, 1] < 1)).all()
    # Its own output, by names or by codes, is a table that score reads.
    scores = []
    for written in (target, tmp_path / f"samples{suffix}"):
        assert run(*command, written).exit_code == 0
        assert run("score", folder / "bundle", written, "-o", tmp_path / "scores.npy").exit_code == 0
        scores.append(np.load(tmp_path / "scores.npy")[:, 0])
    repeated = {name: np.repeat(values, 3) for name, values in given.items()}
    np.testing.assert_allclose(scores[0], model.log_prob(samples, repeated), rtol=1e-6)
    np.testing.assert_array_equal(scores[0], scores[1])


MISTAKES = {
    "an unknown name": (
        "poor,10,D,3",
        "--context: column 'cut' holds 'poor', not one of fair, good, ideal, nor a code",
    ),
    "an unknown code": ("ideal,10,3,3", "--context: column 'color' holds '3', not one of D, E, rare, F, nor a code"),
    "text for a number": ("ideal,steep,D,3", "--context: column 'angle' holds 'steep', not a finite number"),
    "not a number": ("ideal,nan,D,3", "--context: column 'angle' holds 'nan', not a finite number"),
    "too few": ("ideal,10", "--context: expected 4 values with commas between them (cut, angle, color, stars)"),
    "a table that is not there": ("nothing.csv", "nothing.csv: no such file"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_in_a_context_get_one_line(folder: Path, mistake: str) -> None:
    context, words = MISTAKES[mistake]
    result = run("sample", folder / "bundle", "-n", 1, "--context", context, "--device", "cpu")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert words in result.stderr


def test_an_unknown_category_in_a_table_is_named_by_its_row_and_leaves_no_file(folder: Path, tmp_path: Path) -> None:
    rows = graded()
    rows["cut"][123] = "poor"
    table = write_table(tmp_path / "rows.csv", rows)
    result = run("score", folder / "bundle", table, "-o", tmp_path / "scores.csv", "--device", "cpu")
    assert result.exit_code == 2
    assert "rows.csv: row 124, column 'cut' holds 'poor', not one of fair, good, ideal" in result.stderr
    assert not (tmp_path / "scores.csv").exists()
