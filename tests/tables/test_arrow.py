"""An Arrow table is scored by name, in every engine that hands one over, to the bits of the command line."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars
import pyarrow
import pytest
from click.testing import CliRunner
from pyarrow import parquet

import flowexport
from flowexport.arrow import score
from flowexport.bundle import zoo_folder
from flowexport.cli.score import command
from flowexport.errors import ArgumentError, DataError, InputError
from flowexport.runtime import Model


@pytest.fixture(scope="module")
def model() -> Model:
    """Six positive features given a category of three columns."""
    return flowexport.load("diamonds", device="cpu")


@pytest.fixture(scope="module")
def given() -> tuple[np.ndarray, np.ndarray]:
    """Rows and contexts of its golden cases, as numbers."""
    golden = zoo_folder() / "diamonds" / "bundle" / "golden"
    return np.load(golden / "x.npy"), np.load(golden / "context.npy")


@pytest.fixture(scope="module")
def rows(model: Model, given: tuple[np.ndarray, np.ndarray]) -> pyarrow.Table:
    """The same by name: columns the other way round, categories by label, and one that nobody asked for."""
    x, context = given
    columns: dict[str, Any] = {"id": np.arange(len(x))}
    for column, feature in reversed([*enumerate(model.context_features)]):
        assert feature.categories is not None
        columns[feature.name] = [feature.categories[int(code)] for code in context[:, column]]
    for column, name in reversed([*enumerate(model.features)]):
        columns[name] = x[:, column].astype(np.float64)
    return pyarrow.table(columns)


@pytest.fixture(scope="module")
def expected(model: Model, given: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    log_prob = model.log_prob(*given)
    return log_prob, model.percentile(log_prob)


def require_scores(table: pyarrow.Table, expected: tuple[np.ndarray, np.ndarray]) -> None:
    """The numbers that the arrays gave, to the bit, and each row in its place."""
    order = np.argsort(table["id"].to_numpy(), kind="stable")
    for name, numbers in zip(("log_prob", "percentile"), expected, strict=True):
        np.testing.assert_array_equal(table[name].to_numpy()[order], numbers)


def test_the_columns_are_added_and_all_others_kept(
    model: Model, rows: pyarrow.Table, expected: tuple[np.ndarray, np.ndarray]
) -> None:
    rows = rows.replace_schema_metadata({"made": "by hand"})
    scored = score(rows, model)
    assert scored.select(rows.column_names).equals(rows)
    assert scored.schema.metadata == {b"made": b"by hand"}
    assert [str(scored.schema.field(name).type) for name in ("log_prob", "percentile")] == ["float", "double"]
    np.testing.assert_array_equal(scored["id"].to_numpy(), np.arange(len(rows)))
    require_scores(scored, expected)


def test_a_batch_gives_a_batch_and_a_reader_a_reader(
    model: Model, rows: pyarrow.Table, expected: tuple[np.ndarray, np.ndarray]
) -> None:
    batch = score(rows.combine_chunks().to_batches()[0], model)
    assert isinstance(batch, pyarrow.RecordBatch)
    require_scores(pyarrow.table(batch), expected)

    drawn = 0

    def batches() -> Any:
        nonlocal drawn
        for each in rows.to_batches(max_chunksize=256):
            drawn += 1
            yield each

    reader = score(pyarrow.RecordBatchReader.from_batches(rows.schema, batches()), model)
    assert isinstance(reader, pyarrow.RecordBatchReader)
    assert drawn == 0, "a reader is read when its scores are"
    assert reader.read_next_batch().num_rows == 256
    assert drawn == 1
    last = reader.read_all().to_pydict()
    assert last["id"] == list(range(256, len(rows)))
    np.testing.assert_allclose(last["log_prob"], expected[0][256:], rtol=1e-5)


@pytest.mark.parametrize("kind", ["table", "batch", "reader"])
def test_no_rows_are_scored_with_the_schema_of_some(model: Model, rows: pyarrow.Table, kind: str) -> None:
    some = score(rows, model).schema
    none = rows.schema.empty_table()
    if kind == "table":
        assert score(none, model).schema == some
    elif kind == "batch":
        batch = score(
            pyarrow.RecordBatch.from_arrays([pyarrow.array([], f.type) for f in none.schema], schema=none.schema), model
        )
        assert batch.schema == some
        assert batch.num_rows == 0
    else:
        assert score(none.to_reader(), model).read_all().schema == some


def test_duckdb(model: Model, rows: pyarrow.Table, expected: tuple[np.ndarray, np.ndarray]) -> None:
    with duckdb.connect() as connection:
        connection.register("arrived", rows)
        labels = ", ".join(
            f"{each.name}::ENUM({str(each.categories)[1:-1]}) AS {each.name}" for each in model.context_features
        )
        connection.sql(f"CREATE TABLE diamonds AS SELECT * REPLACE ({labels}) FROM arrived")
        require_scores(score(connection.sql("SELECT * FROM diamonds"), model), expected)
        # And back, streamed, as a table to ask of: by a cursor of its own, since each has one result at a time.
        connection.register("scored", score(connection.cursor().sql("FROM diamonds").to_arrow_reader(100), model))
        rarest = connection.sql("SELECT id FROM scored ORDER BY log_prob LIMIT 3").fetchall()
    assert sorted(row[0] for row in rarest) == sorted(np.argsort(expected[0], kind="stable")[:3].tolist())


@pytest.mark.parametrize("kind", [polars.String, polars.Categorical], ids=str)
def test_polars(model: Model, rows: pyarrow.Table, expected: tuple[np.ndarray, np.ndarray], kind: Any) -> None:
    frame = polars.from_arrow(rows)
    assert isinstance(frame, polars.DataFrame)
    frame = frame.with_columns(polars.col(each.name).cast(kind) for each in model.context_features)
    scored = polars.from_arrow(score(frame, model))
    assert isinstance(scored, polars.DataFrame)
    assert scored.columns == [*frame.columns, "log_prob", "percentile"]
    assert scored.drop("log_prob", "percentile").equals(frame)
    require_scores(scored.to_arrow(), expected)


def test_a_pickled_function_scores_where_it_is_sent_to(
    model: Model, rows: pyarrow.Table, expected: tuple[np.ndarray, np.ndarray]
) -> None:
    sent = pickle.loads(pickle.dumps(model))
    require_scores(pyarrow.Table.from_batches([score(batch, sent) for batch in rows.to_batches()]), expected)


def test_the_command_line_gives_the_same_bits(tmp_path: Path) -> None:
    model = flowexport.load("moons", device="cpu")
    x = model.sample(70_000, seed=3)
    rows = pyarrow.table({"x2": x[:, 1], "x1": x[:, 0]})
    # More rows than a block, in chunks whose own blocks would give some rows other bits.
    parquet.write_table(rows, tmp_path / "rows.parquet", row_group_size=9_999)
    chunked = pyarrow.concat_tables([rows.slice(at, 1025) for at in range(0, len(rows), 1025)])
    arguments = ["moons", str(tmp_path / "rows.parquet"), "-o", str(tmp_path / "scores.parquet"), "--device", "cpu"]
    assert CliRunner().invoke(command, arguments).exit_code == 0
    scored = score(chunked, "moons").select(["log_prob", "percentile"])
    assert (
        scored.cast(pyarrow.schema([("log_prob", "float"), ("percentile", "double")]))
        .combine_chunks()
        .equals(parquet.read_table(tmp_path / "scores.parquet").combine_chunks())
    )


def test_one_context_for_all_rows(model: Model, rows: pyarrow.Table, given: tuple[np.ndarray, np.ndarray]) -> None:
    context = {feature.name: (feature.categories or [])[0] for feature in model.context_features}
    alone = rows.drop_columns(list(context))
    np.testing.assert_array_equal(score(alone, model, context)["log_prob"], model.log_prob(given[0], context))
    with pytest.raises(InputError, match="one for all rows"):
        score(alone, model, given[1])


def test_a_row_without_a_value_is_refused_or_null(
    model: Model, rows: pyarrow.Table, expected: tuple[np.ndarray, np.ndarray]
) -> None:
    feature, category = model.features[0], model.context_features[0].name
    holes = rows.to_pydict()
    for row, column, nothing in ((5, feature, None), (7, feature, float("nan")), (9, category, None)):
        one = rows.to_pydict()
        one[column][row] = holes[column][row] = nothing
        with pytest.raises(DataError, match=f"^rows: row {row + 1}, column '{column}' holds "):
            score(pyarrow.table(one), model)
    holes["id"][11] = None  # of no concern to the model
    scored = score(pyarrow.table(holes), model, missing="null")
    assert [row for row, value in enumerate(scored["log_prob"].to_pylist()) if value is None] == [5, 7, 9]
    assert [row for row, value in enumerate(scored["percentile"].to_pylist()) if value is None] == [5, 7, 9]
    kept = np.setdiff1d(np.arange(len(rows)), [5, 7, 9])
    np.testing.assert_allclose(scored["log_prob"].to_numpy()[kept], expected[0][kept], rtol=1e-5)
    with pytest.raises(ArgumentError, match="missing: expected 'refuse' or 'null', got 'drop'"):
        score(rows, model, missing="drop")  # type: ignore[arg-type]


def test_what_cannot_be_scored_is_refused_by_row_and_column(model: Model, rows: pyarrow.Table) -> None:
    feature, category = model.features[0], model.context_features[0].name

    def refuse(column: str, row: int, cell: Any, words: str) -> None:
        cells = rows[column].to_pylist()
        cells[row] = cell
        table = rows.set_column(rows.schema.get_field_index(column), column, [cells])
        with pytest.raises(DataError, match=words):
            score(table, model)
        # A reader has the same number for the row, and has given those before it.
        reader = score(table.to_reader(max_chunksize=100), model)
        for _ in range(row // 100):
            reader.read_next_batch()
        with pytest.raises(DataError, match=words):
            reader.read_next_batch()

    refuse(feature, 812, float("inf"), f"^rows: row 813, column '{feature}' holds the value inf")
    refuse(feature, 812, 1e300, f"^rows: row 813, column '{feature}' holds 1e.300, more than float32 can hold")
    refuse(category, 812, "Splendid", f"^rows: row 813, column '{category}' holds 'Splendid', not one of Fair, ")
    with pytest.raises(DataError, match=f"^rows: no column '{feature}'; it has id, "):
        score(rows.drop_columns([feature]), model)
    with pytest.raises(DataError, match=f"^rows: column '{feature}' is of type string, not numbers"):
        score(rows.set_column(rows.schema.get_field_index(feature), feature, rows[feature].cast("string")), model)
    with pytest.raises(DataError, match=r"^rows: has a column 'log_prob' already; drop or rename it"):
        score(score(rows, model), model)
    with pytest.raises(InputError, match=r"^rows: expected an Arrow table, got list"):
        score([1.0, 2.0], model)
