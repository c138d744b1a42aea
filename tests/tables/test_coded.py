"""Columns of categories become codes, the same from every format; what is none is named by row and column."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from flowexport.errors import DataError
from flowexport.tables import Coder, open_table
from tests.graded import write_table

CODES = {"fair": 0.0, "good": 1.0, "ideal": 2.0, "4": 3.0, "10": 4.0, "true": 5.0, "false": 6.0}


def code(text: str) -> float:
    if text not in CODES:
        raise ValueError("not one of those")
    return CODES[text]


def read(path: Path, coders: dict[str, Coder] | None = None) -> tuple[np.ndarray, np.ndarray]:
    table = open_table(path)
    blocks = list(table.blocks(table.columns, coders or {table.columns[1]: code}))
    return np.concatenate([block.values for block in blocks]), np.concatenate([block.missing for block in blocks])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_texts_become_codes(tmp_path: Path, suffix: str) -> None:
    columns = {"x": np.arange(4.0), "cut": np.array(["ideal", "fair", "ideal", "good"])}
    values, missing = read(write_table(tmp_path / f"rows{suffix}", columns))
    assert values.tolist() == [[0, 2], [1, 0], [2, 2], [3, 1]]
    assert not missing.any()


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".parquet"])
def test_whole_numbers_stand_for_their_digits(tmp_path: Path, suffix: str) -> None:
    values, _ = read(write_table(tmp_path / f"rows{suffix}", {"x0": np.arange(3), "x1": np.array([10, 4, 10])}))
    assert values.tolist() == [[0, 4], [1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["fair", None, "ideal"], pa.string()),
        (["fair", None, "ideal"], pa.large_string()),
        ([" fair ", "NA", "ideal"], pa.string()),
        (["fair", "", "ideal"], pa.dictionary(pa.int32(), pa.string())),
        ([10, None, 4], pa.int16()),
        ([10.0, None, 4.0], pa.float64()),
        ([True, None, False], pa.bool_()),
    ],
    ids=str,
)
def test_every_type_of_a_parquet_column_and_its_missing_values(tmp_path: Path, cells: list, kind: pa.DataType) -> None:
    pyarrow.parquet.write_table(pa.table({"x": [0.0] * 3, "cut": pa.array(cells, kind)}), tmp_path / "rows.parquet")
    values, missing = read(tmp_path / "rows.parquet")
    expected = [CODES[str(cells[row]).strip().lower().removesuffix(".0")] for row in (0, 2)]
    assert values[[0, 2], 1].tolist() == expected
    assert missing.tolist() == [[False, False], [False, True], [False, False]]


def test_spaces_and_missing_cells_of_a_csv(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('x,cut\n1, ideal \n2,\n3,NA\n4,"fair"\n')
    values, missing = read(tmp_path / "rows.csv")
    assert values[[0, 3], 1].tolist() == [2, 0]
    assert missing[:, 1].tolist() == [False, True, True, False]


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".parquet"])
def test_an_unknown_category_is_named_by_its_row_far_into_the_table(tmp_path: Path, suffix: str) -> None:
    """The first of two, behind the blocks that have been read by then."""
    cut = np.full(150_000, 4)
    cut[[140_003, 140_001]] = 5, 6
    path = write_table(tmp_path / f"rows{suffix}", {"x0": np.zeros(150_000), "x1": cut})
    with pytest.raises(DataError, match=rf"rows\{suffix}: row 140002, column 'x1' holds '?6(\.0)?'?, not one of those"):
        read(path)


@pytest.mark.parametrize(
    ("cells", "shown"),
    [([4.0, 4.5], "4.5"), ([4.0, np.inf], "inf"), ([b"fair", b"good"], "b'fair'")],
    ids=str,
)
def test_what_no_category_is(tmp_path: Path, cells: list, shown: str) -> None:
    table = pa.table({"x": [0.0, 1.0], "cut": pa.array(cells, from_pandas=False)})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(DataError, match=rf"column 'cut' holds {shown}, neither text nor a whole number"):
        read(tmp_path / "rows.parquet")


def test_nan_is_a_category_that_is_missing(tmp_path: Path) -> None:
    table = pa.table({"x": [0.0, 1.0], "cut": pa.array([4.0, np.nan], from_pandas=False)})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    assert read(tmp_path / "rows.parquet")[1].tolist() == [[False, False], [False, True]]
