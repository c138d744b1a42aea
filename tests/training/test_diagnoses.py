"""What training says of rows that no flow can fit well: each kind by a table that has it."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.datasets import load_iris

import flowexport
from flowexport.cli.main import main
from flowexport.errors import DataWarning
from flowexport.training.data import make_rows
from flowexport.training.diagnoses import diagnoses
from flowexport.training.discrete import step_of

ROWS = 2000
GENERATOR = np.random.default_rng(0)
NORMAL = GENERATOR.normal(size=(ROWS, 3))


def with_column(column: np.ndarray, position: int = 1) -> np.ndarray:
    """Normal rows with one column replaced."""
    x = NORMAL.copy()
    x[:, position] = column
    return x


def wild(value: float) -> np.ndarray:
    column = NORMAL[:, 1].copy()
    column[41] = value
    return column


KINDS = {
    "flag": (with_column(NORMAL[:, 1] > 0), "is a flag (0 or 1)"),
    "whole numbers": (with_column(GENERATOR.poisson(20, ROWS)), "holds whole numbers"),
    "few values": (with_column(np.round(NORMAL[:, 1] * 2) / 3), "distinct values"),
    "zero-inflated": (with_column(np.maximum(NORMAL[:, 1], 0)), "is 0 in"),
    "a common value": (
        with_column(np.where(NORMAL[:, 0] > 1, 0.25, NORMAL[:, 1])),
        "is 0.25 in 16% of the rows, a spike",
    ),
    "the same twice": (with_column(NORMAL[:, 0] * 7 + 2), "'x0' and 'x1' are the same but for units"),
    "nearly collinear": (with_column(NORMAL[:, 0] + 0.01 * NORMAL[:, 1]), "'x0' and 'x1' are nearly collinear"),
    "a wild cell": (with_column(wild(1e7)), "such as 1e+07 in row 42"),
    "float32 collapses": (with_column(1.7e9 + 100 * NORMAL[:, 1]), "values float32 keeps"),
    "fewer rows than features": (GENERATOR.normal(size=(50, 60)), "fewer rows than features"),
    "few rows a feature": (GENERATOR.normal(size=(100, 20)), "fewer than 10 a feature"),
    "ten rows": (GENERATOR.normal(size=(10, 2)), "10 rows: too few"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_said_once_and_alone(kind: str) -> None:
    x, words = KINDS[kind]
    lines = diagnoses(make_rows(x))
    assert len(lines) == 1, lines
    assert words in lines[0]


@pytest.mark.parametrize(
    "x",
    [
        NORMAL,
        GENERATOR.standard_t(3, size=(ROWS, 3)),
        GENERATOR.lognormal(size=(ROWS, 2)),
        GENERATOR.uniform(size=(ROWS, 2)) * [1e-9, 1e9],
        np.float32(NORMAL * 100 + 5).astype(float),
    ],
    ids=["normal", "heavy tails", "lognormal", "mixed units", "stored as float32"],
)
def test_nothing_is_said_of_ordinary_rows(x: np.ndarray) -> None:
    assert diagnoses(make_rows(x)) == []


def test_iris_is_measured_in_steps_and_discrete_is_the_cure() -> None:
    x = load_iris().data
    names = ["x0", "x1", "x2", "x3"]
    lines = diagnoses(make_rows(x))
    assert ["distinct values" in line for line in lines] == [True] * 4
    assert diagnoses(make_rows(x, discrete=names)) == []


def test_the_step_of_a_column() -> None:
    assert step_of("x", np.array([3.0, 5.0, 9.0])) == 1
    assert step_of("x", np.array([0.1 + 0.2, 0.3, 0.5, 0.9])) == pytest.approx(0.2)


def test_fit_warns_and_goes_on_with_a_constant_context_column() -> None:
    flow = flowexport.RealNVP(3, context=2, transforms=2, hidden_features=(8,))
    context = np.column_stack([NORMAL[:, 0], np.full(ROWS, 4.0)])
    with pytest.warns(DataWarning, match="context column 'c1' is constant"):
        flowexport.fit(flow, NORMAL, context, epochs=1)
    assert flow.standardize_context.mean[1] == 4
    assert flow.standardize_context.scale[1] == 1


def test_one_feature_with_an_affine_map_can_only_be_a_normal() -> None:
    flow = flowexport.RealNVP(1, transforms=2, univariate="Affine")
    with pytest.warns(DataWarning, match="can only be a normal"):
        flowexport.fit(flow, NORMAL[:, :1], epochs=1)


def test_noise_of_a_step_turns_whole_numbers_into_a_density() -> None:
    """A fair die is uniform over six steps: ln 6 nats, where spikes would go below any number."""
    die = np.random.default_rng(1).integers(1, 7, size=(4000, 1)).astype(float)
    flow = flowexport.RealNVP(
        1, transforms=3, hidden_features=(16,), univariate={"name": "RationalQuadraticSpline", "bins": 12}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        epochs = flowexport.fit(flow, die, discrete=[0], epochs=12, learning_rate=1e-2)
    best = min(epoch.validation_nll for epoch in epochs)
    assert np.log(6) - 0.02 <= best <= np.log(6) + 0.15


def test_a_discrete_column_goes_from_the_recipe_to_the_card(tmp_path: Path) -> None:
    rooms = np.random.default_rng(2).poisson(4, ROWS) + 1
    table = "\n".join(["size,rooms", *(f"{size:.4f},{count}" for size, count in zip(NORMAL[:, 0], rooms, strict=True))])
    (tmp_path / "rows.csv").write_text(table)
    (tmp_path / "recipe.toml").write_text(
        'name = "flats"\n[data]\nfile = "rows.csv"\ndiscrete = ["rooms"]\nlog = ["rooms"]\n'
        "[flow]\ntransforms = 2\nhidden_features = [8]\n[training]\nepochs = 1\n"
    )
    run, bundle = str(tmp_path / "run"), str(tmp_path / "bundle")
    for arguments in (["train", str(tmp_path / "recipe.toml"), "-o", run], ["export", run, "-o", bundle]):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
    assert "whole numbers" not in result.output
    assert flowexport.load(bundle).manifest.discrete == {"rooms": 1.0}
    assert "in steps of 1" in CliRunner().invoke(main, ["inspect", bundle]).output


def test_train_says_a_line_on_standard_error_and_trains(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", with_column(GENERATOR.poisson(20, ROWS)))
    (tmp_path / "recipe.toml").write_text(
        'name = "counts"\n[data]\nfile = "rows.npy"\n[flow]\ntransforms = 2\nhidden_features = [8]\n'
        "[training]\nepochs = 1\n"
    )
    result = CliRunner().invoke(main, ["train", str(tmp_path / "recipe.toml"), "-o", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("flowexport: column 'x1' holds whole numbers")


def test_a_name_that_is_no_feature_is_refused_by_name() -> None:
    with pytest.raises(flowexport.errors.DataError, match="'room' is not a feature"):
        make_rows(NORMAL, discrete=["room"])
