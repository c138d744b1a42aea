"""Categories of the context: found in the table, kept in the run folder, trained by the recipe's choice."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from flowexport.column import Column
from flowexport.errors import CheckpointError, DataError, DataWarning
from flowexport.flows import RealNVP
from flowexport.tables import open_writer
from flowexport.training import fit, load_checkpoint, load_recipe, loop, train_recipe
from flowexport.training.categories import CATEGORIES, Vocabulary
from flowexport.training.data import Rows, make_rows, read_rows
from tests.graded import COLORS, CUTS, graded, write_recipe, write_table


def rows_of(recipe: Path) -> Rows:
    return read_rows(load_recipe(recipe).data, recipe.parent)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_category_is_the_place_of_its_text_among_the_sorted_ones(tmp_path: Path, suffix: str) -> None:
    rows = rows_of(write_recipe(tmp_path, f"rows{suffix}"))
    # Whole numbers by value, so "10" comes behind "9".
    stars = [str(star) for star in range(1, 13)]
    found = [(column.name, column.categories) for column in rows.context_columns]
    assert found == [("cut", CUTS), ("angle", None), ("color", COLORS), ("stars", stars)]
    table = graded()
    assert [CUTS[int(code)] for code in rows.context[:, 0]] == table["cut"].tolist()
    np.testing.assert_array_equal(rows.context[:, 1], table["angle"])
    assert [COLORS[int(code)] for code in rows.context[:, 2]] == table["color"].tolist()
    np.testing.assert_array_equal(rows.context[:, 3] + 1, table["stars"])


def test_columns_of_an_npy_file_may_be_categories(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = {"x0": rng.normal(size=50), "x1": rng.choice([3.0, 10.0, -1.0], 50)}
    recipe = write_recipe(
        tmp_path, "rows.npy", data='context = ["x1"]\n[data.categorical]\nx1 = "one-hot"\n', rows=values
    )
    rows = rows_of(recipe)
    assert rows.context_columns == [Column("x1", ["-1", "3", "10"])]
    np.testing.assert_array_equal(np.array([-1.0, 3.0, 10.0])[rows.context[:, 0].astype(int)], values["x1"])


def test_categories_of_dropped_rows_are_none(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x,cut\n1,a\n,b\n3,c\n4,a\n5,\n")
    recipe = write_recipe(
        tmp_path, "other.csv", data='context = ["cut"]\nmissing = "drop"\n[data.categorical]\ncut = "one-hot"\n'
    )
    recipe.write_text(recipe.read_text().replace("other.csv", "rows.csv"))
    rows = rows_of(recipe)
    assert rows.context_columns == [Column("cut", ["a", "c"])]
    assert (rows.context.tolist(), rows.dropped) == ([[0], [1], [0]], 2)


def test_more_categories_than_make_sense_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ids.csv").write_text("x,id\n" + "".join(f"{row},n{row}\n" for row in range(CATEGORIES + 1)))
    recipe = write_recipe(tmp_path, data='context = ["id"]\n[data.categorical]\nid = "one-hot"\n')
    recipe.write_text(recipe.read_text().replace("rows.csv", "ids.csv"))
    with pytest.raises(
        DataError, match=rf"ids\.csv: row {CATEGORIES + 1}, column 'id' holds 'n{CATEGORIES}', one more"
    ):
        rows_of(recipe)
    with pytest.raises(ValueError, match="longer than the 255 characters"):
        Vocabulary()("x" * 256)


def test_a_single_category_is_a_constant_column_by_its_name(tmp_path: Path) -> None:
    rows = graded() | {"cut": np.full(300, "fair")}
    with pytest.raises(DataError, match=r"column 'cut' is constant \(fair\)"):
        train_recipe(write_recipe(tmp_path, rows=rows), tmp_path / "run")


def test_a_constant_category_is_named_by_the_rows_that_count(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x,cut,w\n1,a,0\n2,b,1\n3,b,1\n")
    recipe = write_recipe(
        tmp_path, "other.csv", data='context = ["cut"]\nweight = "w"\n[data.categorical]\ncut = "one-hot"\n'
    )
    recipe.write_text(recipe.read_text().replace("other.csv", "rows.csv"))
    with pytest.raises(DataError, match=r"column 'cut' is constant \(b\)"):
        rows_of(recipe)


def test_a_missing_category_is_refused_by_row(tmp_path: Path) -> None:
    rows = graded()
    rows["cut"][41] = "NA"
    with pytest.raises(DataError, match=r"rows\.csv: row 42, column 'cut' holds a missing value"):
        rows_of(write_recipe(tmp_path, rows=rows))


def test_the_run_folder_keeps_the_categories_and_codes_are_not_standardised(tmp_path: Path) -> None:
    train_recipe(write_recipe(tmp_path), tmp_path / "run")
    loaded = load_checkpoint(tmp_path / "run")
    assert loaded.config.categories == {"cut": CUTS, "color": COLORS, "stars": [str(star) for star in range(1, 13)]}
    assert loaded.flow.arguments["categories"] == [3, 0, 3, 12]
    assert loaded.flow.arguments["embeddings"] == [0, 0, 2, 0]
    standardize = loaded.flow.standardize_context
    assert standardize.mean[[0, 2, 3]].tolist() == [0, 0, 0]
    assert standardize.scale[[0, 2, 3]].tolist() == [1, 1, 1]
    assert abs(float(standardize.mean[1]) - 10) < 1


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ['"one-hot"', "{ embedding = 2 }"])
def test_it_learns_a_normal_for_each_category(tmp_path: Path, kind: str) -> None:
    """Linear in the encoded category, an affine map reaches each category's own moments: the optimum in closed form."""
    rng = np.random.default_rng(1)
    names, means, scales = np.array(["b", "c", "a"]), np.array([-2.0, 0.0, 3.0]), np.array([0.8, 1.0, 1.5])
    place = rng.integers(0, 3, 1200)
    x = means[place] + scales[place] * rng.normal(size=1200)
    recipe = write_recipe(
        tmp_path,
        flow='transforms = 1\nhidden_features = []\nunivariate = "Affine"\nwhiten = false\n',
        training='optimizer = "adam"\nweight_decay = 0.0\nepochs = 40\nlearning_rate = 0.1\nbatch_size = 200\n',
        data=f'context = ["kind"]\nvalidation = 0\n[data.categorical]\nkind = {kind}\n',
        rows={"x": x, "kind": names[place]},
    )
    outcome = train_recipe(recipe, tmp_path / "run")
    deviations = np.array([x[place == each].std() for each in range(3)])
    entropy = 0.5 * math.log(2 * math.pi * math.e) + np.log(deviations)[place].mean()
    assert outcome.best_nll == pytest.approx(entropy, abs=1e-4)


@pytest.mark.parametrize(("code", "shown"), [(3.0, "3"), (-1.0, "-1"), (0.5, "0.5")])
def test_codes_in_memory_that_are_none_are_refused(code: float, shown: str) -> None:
    flow = RealNVP(2, context=2, categories=[0, 3], hidden_features=(4,))
    rng = np.random.default_rng(0)
    context = np.stack([rng.normal(size=40), rng.integers(0, 3, 40).astype(float)], axis=1)
    context[12, 1] = code
    with pytest.raises(DataError, match=rf"context: row 13, column 'c1' holds {shown}.*, not a code from 0 to 2"):
        fit(flow, rng.normal(size=(40, 2)), context, epochs=1)


@pytest.mark.parametrize(
    "change",
    [
        lambda categories: categories.pop("cut"),
        lambda categories: categories["cut"].append("poor"),
        lambda categories: categories.update(angle=["a", "b"]),
        lambda categories: categories.update(other=["a", "b"]),
    ],
    ids=["a column without", "one too many", "of numbers", "of no column"],
)
def test_categories_that_do_not_fit_the_architecture_are_refused(tmp_path: Path, change) -> None:
    train_recipe(write_recipe(tmp_path, training="epochs = 1\n"), tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text())
    change(config["categories"])
    path.write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"config\.json: categories: do not fit the architecture"):
        load_checkpoint(tmp_path / "run")


def test_other_names_of_the_same_codes_are_other_rows(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, training="epochs = 1\n")
    train_recipe(recipe, tmp_path / "run")
    rows = graded()
    write_table(tmp_path / "rows.csv", rows | {"cut": np.char.replace(rows["cut"], "ideal", "superb")})
    with pytest.raises(CheckpointError, match="was trained on other rows"):
        train_recipe(recipe, tmp_path / "run", resume=True)


def test_numbers_as_text_are_still_refused_where_no_category_is_meant(tmp_path: Path) -> None:
    with open_writer(tmp_path / "rows.parquet", ["x", "y"]) as writer:
        writer.write(np.random.default_rng(0).normal(size=(40, 2)))
    recipe = write_recipe(tmp_path, "other.parquet", data='context = ["cut"]\ncolumns = ["price"]\n')
    with pytest.raises(DataError, match=r"column 'cut' is of type .*, not numbers"):
        rows_of(recipe)


def test_labels_that_are_one_number_are_one_category() -> None:
    vocabulary = Vocabulary()
    codes = np.array([vocabulary(text) for text in ("10", "01", "1.0", "2", "1e1", "0.50", ".5")])
    categories, places = vocabulary.sorted(codes)
    assert categories == ["0.5", "1", "2", "10"]
    assert places.tolist() == [3, 1, 1, 2, 3, 0, 0]


def test_a_category_of_held_out_rows_alone_is_trained_on() -> None:
    context = np.concatenate([np.zeros(50), np.arange(1, 51)])[:, None]
    column = Column("c", [str(code) for code in range(51)])
    rows = make_rows(np.arange(100.0)[:, None], context, context_columns=[column])
    training, held_out = rows.split(0.3, 0)
    assert training.context is not None
    assert set(training.context.ravel()) == set(range(51))
    assert 0 < len(held_out) < 30
    assert sorted([*training.x.ravel(), *held_out.x.ravel()]) == list(range(100))


def test_fit_knows_the_categories_of_its_flow_when_it_holds_rows_out(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[Rows] = []
    monkeypatch.setattr(loop, "train", lambda flow, *rows: iter(parts.extend(rows[:2]) or ()))
    codes = np.concatenate([np.zeros(50), np.arange(1, 51)])[:, None]
    fit(RealNVP(1, 1, transforms=1, categories=[51]), np.random.default_rng(0).normal(size=(100, 1)), codes)
    assert set(parts[0].context_of(0)) == set(range(51))
    assert len(parts[1]) > 0


def test_a_trained_flow_is_trained_on_by_rows_of_one_category() -> None:
    x, codes = np.random.default_rng(0).normal(size=(60, 1)), np.arange(60.0)[:, None] % 3
    flow = RealNVP(1, 1, transforms=1, hidden_features=[4], categories=[3])
    fit(flow, x, codes, epochs=1)
    with pytest.warns(DataWarning, match="context column 'c0' is constant"):
        assert math.isfinite(fit(flow, x, np.ones_like(codes), epochs=1)[-1].training_nll)
