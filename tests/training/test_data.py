"""Rows are the same from every format, and what no density has a use for is refused by row and column."""

import re

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from flowexport.errors import DataError
from flowexport.tables import open_writer
from flowexport.training.data import Rows, make_rows, read_rows
from flowexport.training.recipe import DataSpec

COLUMNS = ["x0", "x1", "x2", "x3"]
SUFFIXES = [".csv", ".npy", ".parquet"]


@pytest.fixture
def values() -> np.ndarray:
    return np.abs(np.random.default_rng(0).normal(size=(50, 4)))


def write_rows(folder, suffix: str, values: np.ndarray) -> DataSpec:
    with open_writer(folder / f"rows{suffix}", COLUMNS[: values.shape[1]]) as writer:
        writer.write(values)
    return DataSpec(file=f"rows{suffix}")


def names(rows: Rows) -> list[str]:
    return [column.name for column in rows.feature_columns]


# The same rows from every format


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_column_is_a_feature_by_default(tmp_path, values, suffix):
    rows = read_rows(write_rows(tmp_path, suffix, values), tmp_path)
    assert np.array_equal(rows.x, values)
    assert names(rows) == COLUMNS
    assert rows.context is rows.weights is None
    assert (rows.context_columns, rows.dropped, len(rows)) == ([], 0, 50)


@pytest.mark.parametrize(
    ("columns", "context", "weight"),
    [
        (["x2", "x0"], [], None),
        (["x3", "x1", "x0", "x2"], [], None),
        (None, ["x1"], None),
        (None, ["x3", "x0"], "x1"),
        (["x0"], ["x2"], "x3"),
        (None, [], "x0"),
    ],
    ids=str,
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_columns_are_chosen_by_name_in_the_order_of_the_recipe(tmp_path, values, suffix, columns, context, weight):
    write_rows(tmp_path, suffix, values)
    spec = DataSpec(file=f"rows{suffix}", columns=columns, context=context, weight=weight)
    rows = read_rows(spec, tmp_path)
    features = columns or [name for name in COLUMNS if name not in (*context, weight)]
    by_name = dict(zip(COLUMNS, values.T, strict=True))
    assert names(rows) == features
    assert np.array_equal(rows.x, np.stack([by_name[name] for name in features], axis=1))
    assert (rows.context is None) == (not context)
    if context:
        assert np.array_equal(rows.context, np.stack([by_name[name] for name in context], axis=1))
    assert (rows.weights is None) == (weight is None)
    if weight:
        assert np.array_equal(rows.weights, by_name[weight])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"columns": ["x9"]}, "no column 'x9'; it has x0, x1, x2, x3"),
        ({"context": ["x9"]}, "no column 'x9'"),
        ({"weight": "x9"}, "no column 'x9'"),
        ({"columns": ["x0", "x0"]}, "column 'x0' is asked for twice"),
        ({"columns": ["x0", "x1"], "context": ["x1"]}, "column 'x1' is asked for twice"),
        ({"columns": ["x0"], "weight": "x0"}, "column 'x0' is asked for twice"),
    ],
    ids=str,
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_columns_that_cannot_be(tmp_path, values, suffix, spec, message):
    write_rows(tmp_path, suffix, values)
    with pytest.raises(DataError, match=rf"rows\{suffix}: {message}"):
        read_rows(DataSpec(file=f"rows{suffix}", **spec), tmp_path)


# What is refused, and where


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
@pytest.mark.parametrize("spec", [{}, {"context": ["x2"]}, {"weight": "x2"}], ids=["feature", "context", "weight"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nan_and_infinity_by_row_and_column(tmp_path, values, suffix, spec, value, shown):
    values[6, 2] = value
    write_rows(tmp_path, suffix, values)
    cure = '; missing = "drop" in .data. leaves such rows out' if np.isnan(value) else ""
    with pytest.raises(DataError, match=rf"rows\{suffix}: row 7, column 'x2' holds the value {shown}{cure}$"):
        read_rows(DataSpec(file=f"rows{suffix}", **spec), tmp_path)


def with_hole(folder, suffix: str, values: np.ndarray) -> str:
    """A table whose row 7 has no value for x2."""
    cells = [
        [None if (row, column) == (6, 2) else value for row, value in enumerate(values[:, column])]
        for column in range(4)
    ]
    if suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.table(dict(zip(COLUMNS, cells, strict=True))), folder / "holes.parquet")
    else:
        lines = [
            ",".join("" if cell is None else repr(float(cell)) for cell in row) for row in zip(*cells, strict=True)
        ]
        (folder / "holes.csv").write_text("\n".join([",".join(COLUMNS), *lines, ""]))
    return f"holes{suffix}"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_missing_value_by_row_and_column(tmp_path, values, suffix):
    with pytest.raises(
        DataError, match=rf"holes\{suffix}: row 7, column 'x2' holds a missing value; missing = .drop. in"
    ):
        read_rows(DataSpec(file=with_hole(tmp_path, suffix, values)), tmp_path)


@pytest.mark.parametrize("spec", [{}, {"context": ["x2"]}, {"weight": "x2"}], ids=["feature", "context", "weight"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_rows_with_missing_values_are_dropped_and_counted_where_the_recipe_says_so(tmp_path, values, suffix, spec):
    rows = read_rows(DataSpec(file=with_hole(tmp_path, suffix, values), missing="drop", **spec), tmp_path)
    assert rows.dropped == 1
    whole = np.delete(values, 6, axis=0)
    assert np.array_equal(rows.x, whole[:, [COLUMNS.index(name) for name in names(rows)]])
    assert len(rows) == 49


def test_a_hole_in_a_column_that_is_not_used_costs_no_row(tmp_path, values):
    file = with_hole(tmp_path, ".csv", values)
    rows = read_rows(DataSpec(file=file, columns=["x0", "x1"]), tmp_path)
    assert (len(rows), rows.dropped) == (50, 0)


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".parquet"])
def test_a_nan_is_missing_and_an_infinity_is_not(tmp_path, values, suffix):
    values[3, 1] = np.nan
    write_rows(tmp_path, suffix, values)
    rows = read_rows(DataSpec(file=f"rows{suffix}", missing="drop"), tmp_path)
    assert rows.dropped == 1
    assert np.array_equal(rows.x, np.delete(values, 3, axis=0))
    values[3, 1] = np.inf
    write_rows(tmp_path, suffix, values)
    with pytest.raises(DataError, match="row 4, column 'x1' holds the value inf"):
        read_rows(DataSpec(file=f"rows{suffix}", missing="drop"), tmp_path)


def test_a_table_of_another_dialect_in_several_files(tmp_path, values):
    text = "\n".join(";".join(map(repr, row)).replace(".", ",") for row in values.tolist())
    (tmp_path / "rows").mkdir()
    for name in ("a", "b"):
        (tmp_path / "rows" / f"{name}.csv").write_text("größe;x1;x2;x3\n" + text, encoding="cp1252")
    rows = read_rows(DataSpec(file=["rows"], delimiter=";", decimal=",", encoding="cp1252"), tmp_path)
    assert names(rows) == ["größe", "x1", "x2", "x3"]
    assert np.array_equal(rows.x, np.concatenate([values, values]))


def test_text_by_row_and_column(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,4\n5,six\n")
    with pytest.raises(DataError, match=r"rows\.csv: row 3, column 'b' holds 'six', not a number"):
        read_rows(DataSpec(file="rows.csv"), tmp_path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_negative_weight_by_row(tmp_path, values, suffix):
    values[9, 3] = -0.5
    write_rows(tmp_path, suffix, values)
    with pytest.raises(DataError, match=rf"rows\{suffix}: column 'x3': row 10 has the negative weight -0\.5"):
        read_rows(DataSpec(file=f"rows{suffix}", weight="x3"), tmp_path)


def test_weights_that_are_all_zero(tmp_path, values):
    values[:, 3] = 0
    write_rows(tmp_path, ".npy", values)
    with pytest.raises(DataError, match=r"rows\.npy: column 'x3': all weights are zero"):
        read_rows(DataSpec(file="rows.npy", weight="x3"), tmp_path)


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_too_few_rows(tmp_path, values, suffix, count):
    with pytest.raises(DataError, match=f"{count} usable rows"):
        read_rows(write_rows(tmp_path, suffix, values[:count]), tmp_path)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9, -3.7], ids=str)
def test_constant_feature_by_name(tmp_path, values, constant):
    values[:, COLUMNS.index("x1")] = constant
    rows = read_rows(DataSpec(file=write_rows(tmp_path, ".npy", values).file, context=["x3"]), tmp_path)
    with pytest.raises(DataError, match=re.escape(f"column 'x1' is constant ({constant:g}): ")):
        rows.moments()


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9, -3.7], ids=str)
def test_a_constant_context_column_is_centred(tmp_path, values, constant):
    values[:, COLUMNS.index("x3")] = constant
    rows = read_rows(DataSpec(file=write_rows(tmp_path, ".npy", values).file, context=["x3"]), tmp_path)
    mean, scale = rows.moments()
    assert (mean[-1], scale[-1]) == (constant, 1)


def test_column_that_is_constant_where_it_counts():
    # A mean of tenths, each with its weight, is a tenth but for rounding: their scale is not quite 0.
    weights = np.linspace(1, 2, 11) * (np.arange(11) != 5)
    table = np.stack([np.where(weights, 0.1, 2.0), np.arange(11.0)], axis=1)
    assert np.average(table[:, 0], weights=weights) != 0.1
    x, context = table.T[:, :, None]
    make_rows(x, context).moments()
    with pytest.raises(DataError, match=r"column 'x0' is constant \(0\.1\)"):
        make_rows(x, context, weights).moments()
    mean, scale = make_rows(context, x, weights).moments()
    assert (mean[1], scale[1]) == (0.1, 1)


# Arrays in memory


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": np.ones(5)}, r"^x: expected \[rows, columns\], got shape \(5,\)"),
        ({"x": np.ones((5, 0))}, "^x: "),
        ({"x": [["a"]]}, "^x: expected numbers, got <U1"),
        ({"x": np.ones((1, 2))}, "^x: 1 rows"),
        ({"x": np.array([[1.0, 2.0], [3.0, np.nan]])}, "^x: row 2, column 'x1' holds nan"),
        ({"x": np.ones((3, 2)), "context": np.ones((2, 1))}, "^context: 2 rows for 3 rows of x"),
        ({"x": np.ones((3, 2)), "context": np.ones(3)}, "^context: expected"),
        ({"x": np.ones((2, 2)), "context": np.array([[np.inf], [0]])}, "^context: row 1, column 'c0' holds inf"),
        ({"x": np.ones((3, 2)), "weights": np.ones((3, 1))}, r"^weights: expected shape \(3,\)"),
        ({"x": np.ones((3, 2)), "weights": np.array([1.0, -1.0, 1.0])}, "^weights: row 2 has the negative weight -1"),
        ({"x": np.ones((3, 2)), "weights": np.array([1.0, np.nan, 1.0])}, "^weights: row 2"),
        ({"x": np.ones((3, 2)), "weights": np.zeros(3)}, "^weights: all weights are zero"),
    ],
)
def test_arrays_that_cannot_be_trained_on(arguments, message):
    with pytest.raises(DataError, match=message):
        make_rows(**arguments)


# Weights weigh, and the split loses no row


def test_moments_are_those_of_numpy(values):
    mean, scale = make_rows(values[:, :3], values[:, 3:]).moments()
    np.testing.assert_allclose(mean, values.mean(0), rtol=1e-14)
    np.testing.assert_allclose(scale, values.std(0), rtol=1e-14)


def test_weight_two_is_a_row_twice(values):
    weights = np.random.default_rng(1).integers(0, 4, size=50).astype(float)
    weighted = make_rows(values[:, :3], values[:, 3:], weights)
    repeated = np.repeat(values, weights.astype(int), axis=0)
    assert len(repeated) != len(values)
    for one, other in zip(weighted.moments(), make_rows(repeated[:, :3], repeated[:, 3:]).moments(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)


def test_rows_of_weight_zero_do_not_matter(values):
    weights = np.ones(50)
    weights[10:20] = 0
    before = make_rows(values, weights=weights).moments()
    values[10:20] = 1e6
    for one, other in zip(before, make_rows(values, weights=weights).moments(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("fraction", "held_out"), [(0.0, 0), (0.001, 1), (0.1, 5), (0.5, 25), (0.999, 49)], ids=str)
def test_split_holds_out_the_fraction_and_at_least_one(values, fraction, held_out):
    rows = make_rows(values[:, :2], values[:, 2:3], values[:, 3])
    training, held = rows.split(fraction, seed=0)
    assert (len(training), len(held)) == (50 - held_out, held_out)


def together(rows: Rows) -> np.ndarray:
    return np.hstack([rows.x, rows.context, rows.weights[:, None]])


def test_split_keeps_every_row_once_and_whole(values):
    rows = make_rows(values[:, :2], values[:, 2:3], values[:, 3])
    both = np.concatenate([together(part) for part in rows.split(0.3, seed=4)])
    assert np.array_equal(both[np.argsort(both[:, 0])], values[np.argsort(values[:, 0])])


def test_split_is_that_of_the_seed(values):
    rows = make_rows(values)
    first, again, other = (rows.split(0.3, seed)[1].x for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_column_of_text_is_told_where_it_belongs(tmp_path):
    (tmp_path / "rows.csv").write_text("x,cut\n1,fair\n2,good\n")
    pyarrow.parquet.write_table(pyarrow.table({"x": [1.0, 2.0], "cut": ["fair", "good"]}), tmp_path / "rows.parquet")
    for name in ("rows.csv", "rows.parquet"):
        with pytest.raises(DataError, match=r"column 'cut' .*List it in `context` and under \[data\.categorical\]"):
            read_rows(DataSpec(file=name), tmp_path)
