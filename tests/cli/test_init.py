"""flowexport init: a first recipe says what each column is, and why, and trains as it stands."""

import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flowexport.training import load_recipe, train_recipe
from flowexport.training.data import read_rows
from tests.cli.test_cli import assert_one_line, run

ROWS = 400


def table() -> dict[str, list[object]]:
    """A column of each kind."""
    rng = np.random.default_rng(0)
    price = np.exp(rng.normal(2, 1, ROWS))
    columns: dict[str, list[object]] = {
        "": list(range(ROWS)),
        "order_id": rng.permutation(10_000)[:ROWS].tolist(),
        "day": [f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(ROWS)],
        "price": price.tolist(),
        "cents": (100 * price).tolist(),
        "share": rng.beta(2, 3, ROWS).tolist(),
        "count": rng.integers(0, 10, ROWS).tolist(),
        "weight": rng.normal(size=ROWS).tolist(),
        "kelvin": rng.normal(290, 5, ROWS).tolist(),
        "city": rng.choice(["Rome", "Oslo", 'St. John\'s "N"'], ROWS).tolist(),
        "street": [f"street {i % 40}" for i in range(ROWS)],
        "paid": rng.integers(0, 2, ROWS).tolist(),
        "note": [f"text {i}" for i in range(ROWS)],
        "const": [5] * ROWS,
        "rare": [1.5 if i % 10 == 0 else None for i in range(ROWS)],
        "holes": [None if i % 50 == 0 else float(x) for i, x in enumerate(rng.normal(size=ROWS))],
    }
    return columns


def written(folder: Path, suffix: str) -> Path:
    path = folder / f"shop 2024{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.table(table()), path)
        return path
    lines = [";".join(table())]
    for row in zip(*table().values(), strict=True):
        cells = [
            "NA" if cell is None else str(cell) if isinstance(cell, str) else repr(cell).replace(".", ",")
            for cell in row
        ]
        lines.append(";".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' if '"' in cell else cell for cell in cells))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_recipe_says_what_each_column_is(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = written(tmp_path, suffix)
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    result = run("init", rows, "-o", "recipes/shop.toml")
    assert result.exit_code == 0, result.stderr
    text = (tmp_path / "recipes" / "shop.toml").read_text(encoding="utf-8")
    data = load_recipe("recipes/shop.toml").data
    assert load_recipe("recipes/shop.toml").name == "shop-2024"
    assert data.file == f"../shop 2024{suffix}"
    assert data.columns == ["price", "share", "count", "weight", "kelvin", "holes"]
    assert data.context == ["city", "street", "paid"]
    assert data.categorical["city"] == data.categorical["paid"] == "one-hot"
    assert data.column("street").embedding == 7
    assert (data.log, data.logit, data.discrete) == (["price"], {"share": (0.0, 1.0)}, ["count"])
    assert (data.missing, data.decimal) == ("drop", "," if suffix == ".csv" else None)
    for reason in (
        '"order_id" is another whole number in each row',
        '"day" holds dates',
        "\"cents\" is the same as 'price' but for units",
        '"note" is text with 400 different values',
        '"const" is the same in all rows',
        '"rare" holds no value in 90% of the rows',
    ):
        assert f"# left out: {reason}" in text
    assert '"price", # positive' in text

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_rows(data, tmp_path / "recipes")
    assert (len(found), found.dropped) == (392, 8)


def test_the_recipe_trains_as_it_stands(tmp_path: Path) -> None:
    """But for the number of epochs and the size of the flow, which are not its business."""
    written(tmp_path, ".csv")
    assert run("init", tmp_path / "shop 2024.csv", "-o", tmp_path / "recipe.toml").exit_code == 0
    with (tmp_path / "recipe.toml").open("a", encoding="utf-8") as recipe:
        recipe.write("[flow]\ntransforms = 1\nhidden_features = [8]\n[training]\nepochs = 1\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = train_recipe(tmp_path / "recipe.toml", tmp_path / "run")
    assert np.isfinite(outcome.best_nll)


def test_what_no_recipe_is_written_for(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b\n1,x\n1,y\n1,x\n1,x\n1,y\n")
    recipe = tmp_path / "recipe.toml"
    assert_one_line(
        run("init", rows, "-o", recipe), "no column that a density can be of", "'a' is the same in all rows"
    )
    rows.write_text("a,b\n1,2\n")
    assert_one_line(run("init", rows, "-o", recipe), "1 rows; a density needs at least 2")
    np.save(tmp_path / "none.npy", np.zeros((5, 0)))
    assert_one_line(run("init", tmp_path / "none.npy", "-o", recipe), "none.npy: has no columns")
    assert_one_line(run("init", "-", "-o", recipe), "a pipe has no name")
    assert not recipe.exists()
    recipe.write_text("mine")
    assert_one_line(run("init", rows, "-o", recipe), "recipe.toml: is there already")
    assert recipe.read_text() == "mine"
