"""Tables whose bytes are damaged, or say what is not so: one error of ours, at once, before anything is set aside."""

import gzip
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from flowexport.errors import DataError
from flowexport.tables import open_table
from flowexport.tables.strict import StrictFile


def read(path: Path, coders: dict[str, Callable[[str], float]] | None = None) -> np.ndarray:
    table = open_table(path)
    return np.concatenate([block.values for block in table.blocks(table.columns, coders)])


def npy(header: bytes, body: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    return b"\x93NUMPY" + version + len(header).to_bytes(2 if version[0] == 1 else 4, "little") + header + body


@pytest.mark.parametrize(
    "data",
    [
        npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 1000000000), }\n"),
        npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999, 2), }\n"),
        npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999999999999999, 2), }\n"),
        npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2), }\n"),
        npy(b"{'descr': '<f4' 'shape': \x00\n"),
        npy(b"(" * 3000),
        npy(b"{'descr': '|O', 'fortran_order': False, 'shape': (1, 2), }\n", b"\0" * 16),
        npy(b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 2), }\n", b"\0" * 8),
        npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n", b"\0" * 15),
        npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", b"\0" * 4),
        b"\x93NUMPY\x03\x00\xff\xff\xff\xff{}",
        b"\x93NUMPY\x09\x09" + bytes(200),
        b"\x93NUM",
        b"",
    ],
)
def test_an_array_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "rows.npy").write_bytes(data)
    with pytest.raises(DataError, match=r"rows\.npy: "):
        read(tmp_path / "rows.npy")


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<f2", "|u1", ">i4", "<i8", "|b1"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_an_array_as_numpy_writes_it_is_read(tmp_path: Path, dtype: str, order: str, version: tuple[int, int]) -> None:
    array = np.array(np.arange(12).reshape(4, 3) % 7, np.dtype(dtype), order=order)
    with (tmp_path / "rows.npy").open("wb") as stream:
        np.lib.format.write_array(stream, array, version=version)
    np.testing.assert_array_equal(read(tmp_path / "rows.npy"), array.astype(np.float64))


def test_no_rows_and_images_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "none.npy", np.zeros((0, 3)))
    assert open_table(tmp_path / "none.npy").columns == ["x0", "x1", "x2"]
    images = np.arange(24.0).reshape(2, 3, 4)
    np.save(tmp_path / "images.npy", images)
    np.testing.assert_array_equal(read(tmp_path / "images.npy"), images.reshape(2, 12))


def test_bits_that_flip_in_gzip(tmp_path: Path) -> None:
    """What zlib raises is no OSError."""
    data = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(200)), mtime=0)
    for place in range(10, len(data), 7):
        (tmp_path / "rows.csv.gz").write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        with pytest.raises(DataError, match=r"rows\.csv\.gz: "):
            read(tmp_path / "rows.csv.gz")


def test_offsets_of_texts_that_lead_out_of_an_arrow_file(tmp_path: Path) -> None:
    """pyarrow reads wherever they lead, and the process ends there."""
    table = pa.table({"x": [1.0, 2.0, 3.0], "kind": ["aa", "bb", "cc"]})
    feather.write_feather(table, tmp_path / "rows.feather", compression="uncompressed")
    data = (tmp_path / "rows.feather").read_bytes()
    offsets = np.array([0, 2, 4, 6], "<i4").tobytes()
    assert data.count(offsets) == 1
    beyond = np.array([0, 2, 4, 2**30], "<i4").tobytes()
    (tmp_path / "rows.feather").write_bytes(data.replace(offsets, beyond))
    with pytest.raises(DataError, match=r"rows\.feather: not a readable Arrow file"):
        read(tmp_path / "rows.feather", {"kind": lambda text: float(len(text))})


def test_lists_are_no_categories(tmp_path: Path) -> None:
    pq.write_table(pa.table({"kind": [[1.0], [2.0]]}), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="column 'kind' is of type list"):
        read(tmp_path / "rows.parquet", {"kind": lambda text: 0.0})


def test_an_archive_of_arrays_under_the_name_of_one(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.savez(stream, np.zeros((2, 2)))
    (tmp_path / "rows.npy").write_bytes(stream.getvalue())
    with pytest.raises(DataError, match="an NPZ archive"):
        read(tmp_path / "rows.npy")


def test_nobody_reads_a_refused_table_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread of pyarrow's that still asked for the interpreter aborted a process that was ending, one in forty."""
    reading = []
    real = StrictFile.readinto

    def slow(file: StrictFile, buffer: memoryview) -> int:
        reading.append(file)
        time.sleep(0.1)
        try:
            return real(file, buffer)
        finally:
            reading.pop()

    monkeypatch.setattr(StrictFile, "readinto", slow)
    path = tmp_path / "rows.csv"
    path.write_text("x1,x2\n1,2,3\n" + "1.25,2.25\n" * 1_000_000)
    with pytest.raises(DataError, match="row 1: expected 2 cells, got 3"):
        list(open_table(path).blocks(["x1", "x2"]))
    assert not reading
