"""Tables are read and written in blocks, say where they are wrong, and never lie half-written."""

import os
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from flowexport.errors import DataError
from flowexport.tables import open_table, open_writer
from flowexport.tables.part import BLOCK_ROWS

SUFFIXES = [".csv", ".csv.gz", ".tsv", ".npy", ".parquet", ".feather"]
UNCOUNTED = (".csv", ".csv.gz", ".tsv", ".feather")
"""Whose number of rows is known only when they are read."""


def write_table(path: Path, columns: list[str], values: np.ndarray) -> Path:
    with open_writer(path, columns, values.dtype) as writer:
        writer.write(values)
    return path


def read_table(path: Path, columns: list[str] | None = None) -> np.ndarray:
    table = open_table(path)
    blocks = list(table.blocks(columns or table.columns))
    for block, before in zip(blocks[1:], blocks, strict=False):
        assert block.numbers[0] == before.numbers[-1] + 1
    return np.concatenate([block.values for block in blocks]) if blocks else np.empty((0, len(table.columns)))


def csv_file(folder: Path, text: str | bytes) -> Path:
    path = folder / "rows.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# Round trip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_numbers_read_back_the_same(tmp_path, suffix, dtype):
    extremes = [0.1, -0.0, 1 / 3, 1e-7, 123456789.0, np.pi, np.finfo(dtype).max, np.finfo(dtype).tiny]
    subnormal = [np.finfo(dtype).smallest_subnormal, 1e22, 9007199254740993.0, -2.5]
    values = np.array([extremes, [*subnormal, *np.random.default_rng(0).normal(size=4)]], dtype=dtype).T
    path = write_table(tmp_path / f"rows{suffix}", ["a", "b"], values)
    measured = read_table(path)
    # A float32 is written with the digits that name it among float32, so it is read back by way of float32.
    assert np.array_equal(measured.astype(dtype), values)
    assert np.array_equal(np.signbit(measured), np.signbit(values))


def test_floats_are_written_shortest(tmp_path):
    # Another number of each type: 0.1f is not 0.1, but is named by the same digits.
    for dtype in (np.float32, np.float64):
        path = write_table(tmp_path / "rows.csv", ["a"], np.array([[0.1], [0.3], [-2.5]], dtype=dtype))
        assert path.read_text().split() == ['"a"' if '"' in path.read_text() else "a", "0.1", "0.3", "-2.5"]


@pytest.mark.parametrize("rows", [0, 1, BLOCK_ROWS, 2 * BLOCK_ROWS + 5])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_any_number_of_rows_in_any_blocks(tmp_path, suffix, rows):
    values = np.arange(rows * 2, dtype=np.float64).reshape(rows, 2)
    path = tmp_path / f"rows{suffix}"
    with open_writer(path, ["a", "b"]) as writer:
        for start in range(0, rows, 50_000):
            writer.write(values[start : start + 50_000])
        assert writer.rows == rows
    assert np.array_equal(read_table(path), values)
    table = open_table(path)
    assert table.rows in (None, rows)
    assert table.rows == rows or suffix in UNCOUNTED
    assert all(len(block.values) <= BLOCK_ROWS for block in table.blocks(table.columns))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_columns_may_be_written_apart(tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    with open_writer(path, ["a", "b"]) as writer:
        writer.write(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert np.array_equal(read_table(path), [[1.0, 3.0], [2.0, 4.0]])


@pytest.mark.parametrize("suffix", [".csv", ".tsv.gz", ".parquet", ".arrow"])
@pytest.mark.parametrize("name", ["a", 'with "quotes"', "with, comma", "with\nnewline", "größe (µm)", " space "])
def test_names_of_columns_read_back_the_same(tmp_path, suffix, name):
    path = write_table(tmp_path / f"rows{suffix}", [name, "b"], np.ones((2, 2)))
    assert open_table(path).columns == [name, "b"]
    assert open_table(path).named


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_columns_come_in_the_order_asked_for(tmp_path, suffix):
    path = write_table(tmp_path / f"rows{suffix}", ["x0", "x1", "x2"], np.array([[0.0, 1.0, 2.0], [10.0, 11.0, 12.0]]))
    assert np.array_equal(read_table(path, ["x2", "x0", "x1"]), [[2.0, 0.0, 1.0], [12.0, 10.0, 11.0]])
    assert np.array_equal(read_table(path, ["x1"]), [[1.0], [11.0]])


def test_a_file_without_names_is_matched_by_position_and_width(tmp_path):
    table = open_table(write_table(tmp_path / "rows.npy", ["height", "width"], np.array([[1.0, 2.0]])))
    assert not table.named
    assert table.match(["height", "width"]) == ["x0", "x1"]
    with pytest.raises(DataError, match="2 columns without names, 1 are wanted"):
        table.match(["x1"])  # a name that means another column
    with pytest.raises(DataError, match="no column 'height'"):
        next(table.blocks(["height"]))
    assert np.array_equal(next(table.blocks(["x1", "x0"])).values, [[2.0, 1.0]])


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "bool", "float16", ">f8"])
def test_npy_of_any_type_of_number(tmp_path, dtype):
    values = np.array([[0, 1], [1, 0]]).astype(dtype)
    np.save(tmp_path / "rows.npy", values)
    assert np.array_equal(read_table(tmp_path / "rows.npy"), values.astype(float))


def test_npy_in_fortran_order(tmp_path):
    values = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.save(tmp_path / "rows.npy", values)
    assert np.array_equal(read_table(tmp_path / "rows.npy"), values)


@pytest.mark.parametrize(
    "kind", [pyarrow.int32(), pyarrow.uint8(), pyarrow.float32(), pyarrow.decimal128(15, 3)], ids=str
)
def test_parquet_of_any_type_of_number(tmp_path, kind):
    table = pyarrow.table({"a": pyarrow.array([1, 2], pyarrow.int32()).cast(kind)})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    assert np.array_equal(read_table(tmp_path / "rows.parquet"), [[1.0], [2.0]])


# Dialects of CSV


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2.5\n",
        "a,b\n1,2.5",
        "\ufeffa,b\n1,2.5\n",
        "a,b\r\n1,2.5\r\n",
        '"a","b"\n"1","2.5"\n',
        "a,b\n 1 , 2.5\n",
        "a,b\n+1,25e-1\n",
        "a,b\n1,2.5\n\n",
    ],
    ids=["plain", "no last newline", "BOM", "CRLF", "quotes", "spaces", "signs and exponents", "blank line at the end"],
)
def test_csv_dialects_are_the_same_table(tmp_path, text):
    path = csv_file(tmp_path, text)
    assert open_table(path).columns == ["a", "b"]
    assert np.array_equal(read_table(path), [[1.0, 2.5]])


@pytest.mark.parametrize("cell", ["", "NA", "N/A", "null", "NULL", "None", '""'])
def test_cells_that_hold_no_value_are_missing(tmp_path, cell):
    block = next(open_table(csv_file(tmp_path, f"a,b\n1,2\n3,{cell}\n")).blocks(["b", "a"]))
    assert block.missing.tolist() == [[False, False], [True, False]]
    assert np.isnan(block.values[1, 0])
    with pytest.raises(DataError, match=r"rows\.csv: row 2, column 'b' holds a missing value"):
        block.require_finite()
    block.require_finite(missing=True)


@pytest.mark.parametrize("cell", ["nan", "NaN", "-nan"])
def test_nan_is_no_number_and_missing_where_values_may_be(tmp_path, cell):
    block = next(open_table(csv_file(tmp_path, f"a,b\n1,2\n{cell},4\n")).blocks(["a", "b"]))
    with pytest.raises(DataError, match="row 2, column 'a' holds the value nan"):
        block.require_finite()
    block.require_finite(missing=True)


@pytest.mark.parametrize(("cell", "shown"), [("inf", "inf"), ("-inf", "-inf"), ("1e999", "inf")])
def test_cells_that_are_infinite_are_not_missing(tmp_path, cell, shown):
    block = next(open_table(csv_file(tmp_path, f"a,b\n1,2\n{cell},4\n")).blocks(["a", "b"]))
    assert not block.missing.any()
    with pytest.raises(DataError, match=f"row 2, column 'a' holds the value {shown}"):
        block.require_finite(missing=True)


# What is wrong, and where


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a readable CSV file"),
        ("a,b\n1,2\n3\n", "row 2: expected 2 cells, got 1: '3'"),
        ("a,b\n1,2\n3,4,5\n", "row 2: expected 2 cells, got 3: '3,4,5'"),
        ("a,b,a\n1,2,3\n", "the header names the column 'a' twice"),
        ("a,b\n1,2\n3,four\n", "row 2, column 'b' holds 'four', not a number"),
        ("a,b\n1,2\n3,0x10\n", "row 2, column 'b' holds '0x10', not a number"),
        ("a,b\n1,2\n3,1_0\n", "row 2, column 'b' holds '1_0', not a number"),
        ("a,b\n1,2\n3,true\n", "row 2, column 'b' holds 'true', not a number"),
        ("a,b\n1,2\n3,  \n", "row 2, column 'b' holds '', not a number"),
        (b"a,b\n1,2\n3,\xff\n", "UTF"),
    ],
    ids=[
        "empty file",
        "short line",
        "long line",
        "twice",
        "text",
        "hexadecimal",
        "underscore",
        "bool",
        "spaces",
        "bytes",
    ],
)
def test_broken_csv(tmp_path, text, message):
    path = csv_file(tmp_path, text)
    with pytest.raises(DataError, match=message) as caught:
        read_table(path)
    assert str(caught.value).startswith(str(path))


def test_bad_cell_beyond_the_first_block_has_the_row_of_the_file(tmp_path):
    lines = [f"{row},{row}" for row in range(1, 3 * BLOCK_ROWS + 1)]
    for row in (2 * BLOCK_ROWS + 7, 3 * BLOCK_ROWS):
        bad = [*lines]
        bad[row - 1] = f"{row},bad"
        with pytest.raises(DataError, match=f"row {row}, column 'b' holds 'bad'"):
            read_table(csv_file(tmp_path, "\n".join(["a,b", *bad])))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nan_beyond_the_first_block_has_the_row_of_the_file(tmp_path, suffix):
    values = np.ones((2 * BLOCK_ROWS, 2))
    values[BLOCK_ROWS + 4, 1] = np.nan
    path = write_table(tmp_path / f"rows{suffix}", ["x0", "x1"], values)
    with pytest.raises(DataError, match=f"row {BLOCK_ROWS + 5}, column 'x1' holds the value nan"):
        require_all_finite(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_unknown_column_is_named_with_those_there_are(tmp_path, suffix):
    path = write_table(tmp_path / f"rows{suffix}", ["x0", "x1"], np.ones((2, 2)))
    with pytest.raises(DataError, match="no column 'c'; it has x0, x1"):
        read_table(path, ["c"])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_missing_file(tmp_path, suffix):
    with pytest.raises(DataError, match="no such file"):
        open_table(tmp_path / f"absent{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_folder_is_not_a_table(tmp_path, suffix):
    (tmp_path / f"rows{suffix}").mkdir()
    with pytest.raises(DataError):
        open_table(tmp_path / f"rows{suffix}")


@pytest.mark.parametrize("name", ["rows.txt", "rows", "rows.pkl", "rows.npy.gz"])
def test_unknown_suffix_is_refused_in_both_directions(tmp_path, name):
    (tmp_path / name).write_text("a\n1\n")
    with pytest.raises(DataError, match=r"use \.csv, \.csv\.gz, \.tsv, .*, \.npy, \.parquet, \.feather"):
        open_table(tmp_path / name)
    with pytest.raises(DataError, match=r"use \.csv, \.csv\.gz, \.tsv, .*, \.npy, \.parquet, \.feather"):
        open_writer(tmp_path / name, ["a"])


def test_suffixes_in_capitals(tmp_path):
    path = write_table(tmp_path / "ROWS.CSV", ["a"], np.array([[1.0]]))
    assert np.array_equal(read_table(path), [[1.0]])


@pytest.mark.parametrize(
    "array",
    [
        np.array([[1, "x"], [None, {}]], dtype=object),
        np.ones(3),
        np.array([["a"]]),
        np.ones((2, 2)) * 1j,
    ],
    ids=["pickled objects", "one axis", "text", "complex"],
)
def test_npy_of_something_else(tmp_path, array):
    np.save(tmp_path / "rows.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match=r"rows\.npy: "):
        open_table(tmp_path / "rows.npy")


@pytest.mark.parametrize("shape", [(0, 2, 3), (5, 2, 3), (4, 1, 2, 3)], ids=str)
def test_the_axes_of_an_npy_row_are_its_columns_in_c_order(tmp_path, shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    np.save(tmp_path / "images.npy", array)
    assert open_table(tmp_path / "images.npy").columns == [f"x{i}" for i in range(6)]
    assert np.array_equal(read_table(tmp_path / "images.npy"), array.reshape(len(array), 6))


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".feather", ".csv.gz"])
@pytest.mark.parametrize("content", [b"", b"not a table", "cut"], ids=["empty", "text", "cut short"])
def test_broken_binary_file(tmp_path, suffix, content):
    path = write_table(tmp_path / f"rows{suffix}", ["a", "b"], np.random.default_rng(0).normal(size=(1000, 2)))
    path.write_bytes(path.read_bytes()[:-500] if content == "cut" else content)
    with pytest.raises(DataError, match=f"rows{suffix}: "):
        read_table(path)


def test_parquet_column_of_text_is_named_with_its_type(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"a": [1.0], "b": ["x"]}), tmp_path / "rows.parquet")
    assert np.array_equal(read_table(tmp_path / "rows.parquet", ["a"]), [[1.0]])
    with pytest.raises(DataError, match="column 'b' is of type string, not numbers"):
        read_table(tmp_path / "rows.parquet")


def test_parquet_null_is_missing(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"a": [1.0, None]}), tmp_path / "rows.parquet")
    block = next(open_table(tmp_path / "rows.parquet").blocks(["a"]))
    assert block.missing.tolist() == [[False], [True]]


# Writing


@pytest.mark.parametrize("existing", [False, True], ids=["new file", "existing file"])
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_everything_as_it_was(tmp_path, suffix, existing, error):
    path = tmp_path / f"rows{suffix}"
    if existing:
        path.write_bytes(b"what was there")
    writer = open_writer(path, ["a"])
    with pytest.raises(error):
        write_and_fail(writer, error)
    assert [entry.name for entry in tmp_path.iterdir()] == ([path.name] if existing else [])
    assert not existing or path.read_bytes() == b"what was there"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_file_appears_only_when_it_is_whole(tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    with open_writer(path, ["a"]) as writer:
        writer.write(np.ones((3, 1)))
        assert not path.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_folder_that_is_not_there(tmp_path, suffix):
    with pytest.raises(DataError, match="cannot be written"):
        open_writer(tmp_path / "absent" / f"rows{suffix}", ["a"])


def test_no_path_is_csv_on_standard_output(capfdbinary):
    with open_writer(None, ["a", "b"]) as writer:
        writer.write(np.array([[1.5, 2.0]]))
    lines = capfdbinary.readouterr().out.decode().split()
    assert lines[0] == "a,b"
    assert [float(cell) for cell in lines[1].split(",")] == [1.5, 2.0]


@pytest.mark.skipif(os.name != "posix", reason="one descriptor a file is counted in /proc")
def test_no_file_stays_open(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for suffix in SUFFIXES:
        path = write_table(tmp_path / f"rows{suffix}", ["x0"], np.ones((5, 1)))
        next(iter(open_table(path).blocks(["x0"])))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def require_all_finite(path):
    for block in open_table(path).blocks(["x0", "x1"]):
        block.require_finite()


def write_and_fail(writer, error):
    with writer:
        writer.write(np.ones((3, 1)))
        raise error
