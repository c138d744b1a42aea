"""Tables with names go by name, whatever library they are of; arrays go by position."""

import copy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import pytest

import flowexport
from flowexport.errors import DataError, InputError
from flowexport.flows import RealNVP
from flowexport.runtime import Model
from tests.conftest import Exported, small_flow

NAMES = ["mass", "speed", "width"]
CUTS = ["fair", "good", "ideal"]

LIBRARIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "pandas": pandas.DataFrame,
    "pandas, nullable": lambda columns: pandas.DataFrame(columns).convert_dtypes(),
    "pandas, of Arrow": lambda columns: pandas.DataFrame(columns).convert_dtypes(dtype_backend="pyarrow"),
    "pandas, of objects": lambda columns: pandas.DataFrame(columns, dtype=object),
    "polars": polars.DataFrame,
    "pyarrow": pyarrow.table,
    "a batch of pyarrow": pyarrow.record_batch,
    "a mapping of arrays": lambda columns: {name: np.asarray(values) for name, values in columns.items()},
    "a list of mappings": lambda columns: [
        dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
    ],
    "a structured array": lambda columns: np.rec.fromarrays(list(columns.values()), names=list(columns)),
}


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Three features with names, given a category and a number."""
    flow = small_flow(3, features=3, context=2, categories=[3, 0])
    x = rows_of_context(flow)
    path = tmp_path_factory.mktemp("frames") / "named"
    columns = [{"name": "cut", "categories": CUTS}, "angle"]
    flowexport.export(flow, path, *x, features=NAMES, context_features=columns)
    return Exported(flow, x[0], x[1], path)


def rows_of_context(flow: RealNVP) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    context = np.column_stack([rng.integers(0, 3, 60), rng.normal(size=60)])
    return rng.normal(size=(60, 3)), context


@pytest.fixture(scope="module")
def model(case: Exported) -> Model:
    return flowexport.load(case.path, device="cpu")


def columns_of(case: Exported) -> dict[str, Any]:
    """What a frame holds: the features and the context in another order, and columns that nobody asked for."""
    x, context = case.x, case.context
    assert context is not None
    cuts = [CUTS[int(code)] for code in context[:, 0]]
    return {
        "width": x[:, 2],
        "note": ["…"] * len(x),
        "angle": context[:, 1],
        "speed": x[:, 1],
        "cut": cuts,
        "mass": x[:, 0],
    }


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_table_with_names_goes_by_name(model: Model, case: Exported, library: str) -> None:
    frame = LIBRARIES[library](columns_of(case))
    expected = model.log_prob(case.x, case.context)
    np.testing.assert_array_equal(model.log_prob(frame), expected)
    np.testing.assert_array_equal(model.log_prob(frame, case.context), expected)
    np.testing.assert_array_equal(model.log_prob(case.x, frame), expected)
    np.testing.assert_array_equal(model.context(frame), case.context)
    np.testing.assert_array_equal(model.sample(2, frame, seed=1), model.sample(2, case.context, seed=1))


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_column_that_is_missing_or_called_otherwise_is_refused_by_name(
    model: Model, case: Exported, library: str
) -> None:
    columns = columns_of(case)
    columns["Speed"] = columns.pop("speed")
    with pytest.raises(InputError, match="x: no column 'speed'; it has 'width', "):
        model.log_prob(LIBRARIES[library](columns), case.context)
    del columns["cut"]
    with pytest.raises(InputError, match="'cut'"):
        model.sample(1, LIBRARIES[library](columns))


@pytest.mark.parametrize("library", ["pandas, nullable", "pandas, of Arrow", "pandas", "polars", "pyarrow"])
def test_a_value_that_is_missing_is_refused_by_row_and_column(model: Model, case: Exported, library: str) -> None:
    for column, words in (("speed", "x: row 4, column 'speed'"), ("cut", "context: row 4, column 'cut'")):
        columns = {name: list(values) for name, values in columns_of(case).items()}
        columns[column][3] = None
        with pytest.raises(InputError, match=words) as caught:
            model.log_prob(LIBRARIES[library](columns))
        assert caught.value.code == "missing_value"


def test_what_is_no_number_is_refused_by_column(model: Model, case: Exported) -> None:
    columns = columns_of(case)
    for values in (["1.5"] * 60, pandas.date_range("2020", periods=60), np.ones(60, complex)):
        with pytest.raises(InputError, match="column 'mass'") as caught:
            model.log_prob(pandas.DataFrame(columns | {"mass": values}))
        assert caught.value.code == "wrong_dtype"
    with pytest.raises(InputError, match="row 1, column 'cut' holds 'poor', not one of fair"):
        model.log_prob(pandas.DataFrame(columns | {"cut": ["poor"] * 60}))


def test_a_row_of_pandas_goes_by_its_labels(model: Model, case: Exported) -> None:
    frame = pandas.DataFrame(columns_of(case))
    for row in (frame.iloc[7], frame.iloc[7].to_dict()):
        found = model.log_prob(row)
        assert found.shape == ()
        np.testing.assert_allclose(found, model.log_prob(case.x[7], case.context[7]), rtol=1e-6)
    np.testing.assert_array_equal(model.context(frame.iloc[7][["angle", "cut"]]), case.context[7])


def test_columns_that_pandas_only_numbered_go_by_position(model: Model, case: Exported) -> None:
    frame = pandas.DataFrame(case.x)
    np.testing.assert_array_equal(model.log_prob(frame, case.context), model.log_prob(case.x, case.context))
    for columns, words in (([1, 0, 2], "1, which is no text"), (["a", "b", "b"], "'b'")):
        with pytest.raises(InputError, match=words):
            model.log_prob(pandas.DataFrame(case.x[:, [1, 0, 2]], columns=columns), case.context)
    with pytest.raises(InputError, match=r"collect\(\) it first"):
        model.log_prob(polars.LazyFrame(columns_of(case)), case.context)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_scores_of_a_frame_are_a_frame_of_its_library_with_its_index(
    model: Model, case: Exported, library: str
) -> None:
    frame = LIBRARIES[library](columns_of(case))
    if library == "pandas":
        frame.index = pandas.Index([f"row {i}" for i in range(60)], name="id")
    scored = model.score_frame(frame)
    assert type(scored) is type(frame)
    expected = model.log_prob(case.x, case.context)
    np.testing.assert_array_equal(np.asarray(scored["log_prob"]), expected)
    np.testing.assert_array_equal(np.asarray(scored["percentile"]), model.percentile(expected))
    if library == "pandas":
        pandas.testing.assert_index_equal(scored.index, frame.index)


def test_a_frame_of_a_bundle_without_context(plain: Exported) -> None:
    model = flowexport.load(plain.path, device="cpu")
    frame = pandas.DataFrame({"x1": plain.x[:9, 1], "x0": plain.x[:9, 0]})
    np.testing.assert_array_equal(model.log_prob(frame), model.log_prob(plain.x[:9]))
    np.testing.assert_array_equal(model.log_prob(frame[["x0"]].assign(x1=frame["x1"])), model.log_prob(plain.x[:9]))


def test_masked_cells_are_refused_wherever_an_array_is_taken(
    plain: Exported, conditional: Exported, tmp_path: Path
) -> None:
    model, given = (flowexport.load(each.path, device="cpu") for each in (plain, conditional))
    masked = np.ma.masked_array(plain.x[:5], mask=np.zeros((5, 2), bool))
    np.testing.assert_array_equal(model.log_prob(masked), model.log_prob(plain.x[:5]))
    masked[3, 1] = np.ma.masked
    context = np.ma.masked_array(conditional.context[:5], mask=np.eye(5, 2, dtype=bool))
    for call in (
        lambda: model.log_prob(masked),
        lambda: model.log_prob({"x0": plain.x[:5, 0], "x1": masked[:, 1]}),
        lambda: model.sample_from(masked),
        lambda: given.log_prob(conditional.x[:5], context),
        lambda: given.sample(1, context),
        lambda: flowexport.fit(copy.deepcopy(plain.flow), masked, epochs=1),
        lambda: flowexport.fit(copy.deepcopy(plain.flow), plain.x[:5], weights=masked[:, 1], epochs=1),
        lambda: flowexport.export(plain.flow, tmp_path / "masked", masked),
    ):
        with pytest.raises((InputError, DataError), match=r"row [14].* is masked"):
            call()


def test_fit_learns_the_names_of_a_table_and_export_goes_by_them(tmp_path: Path) -> None:
    flow = small_flow(4, features=3, context=2, categories=[3, 0])
    x, context = rows_of_context(flow)
    columns = columns_of(Exported(flow, x, context, tmp_path))
    frame = polars.DataFrame(columns)
    flowexport.fit(flow, frame[NAMES], frame[["cut", "angle"]], epochs=1)
    assert flow.feature_names == NAMES
    again = copy.deepcopy(flow)
    flowexport.export(flow, tmp_path / "named", frame, frame)
    model = flowexport.load(tmp_path / "named", device="cpu")
    assert model.manifest.features == NAMES
    assert [(each.name, each.categories) for each in model.context_features] == [("cut", CUTS), ("angle", None)]
    np.testing.assert_array_equal(model.log_prob(frame), model.log_prob(x, context))
    # A second table, in another order, is matched by name.
    flowexport.fit(flow, frame[::-1], frame[::-1], epochs=1)
    flowexport.fit(again, x[::-1], context[::-1], epochs=1)
    for name, tensor in flow.state_dict().items():
        np.testing.assert_array_equal(tensor, again.state_dict()[name], err_msg=name)
    with pytest.raises(DataError, match="x: no column 'speed'"):
        flowexport.fit(flow, frame.drop("speed"), frame, epochs=1)


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_the_index_of_another_table_is_no_feature(name: str) -> None:
    frame = pandas.DataFrame({name: range(20), "a": np.random.default_rng(0).normal(size=20)})
    with pytest.raises(DataError, match="is the index of another table"):
        flowexport.fit(RealNVP(2), frame, epochs=1)
    with pytest.raises(DataError, match=r"3 features, the table 1 columns \('a'\)"):
        flowexport.fit(RealNVP(3), frame[["a"]], epochs=1)


def test_nothing_of_a_table_library_is_imported() -> None:
    import subprocess

    code = (
        "import sys, flowexport; m = flowexport.load('banana', device='cpu'); m.log_prob([[0, 1]]); m.sample(2);"
        "m.log_prob({'x1': 0, 'x2': 1});"
        "print(sorted({'pandas', 'polars', 'pyarrow', 'narwhals', 'torch'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
