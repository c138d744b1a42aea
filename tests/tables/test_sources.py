"""Tables come from several files, folders, pipes and compressed files, and are the same tables."""

import gzip
import io
import os
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest

from flowexport.errors import DataError
from flowexport.tables import open_table, open_writer, sources_of

ROWS = np.arange(12.0).reshape(6, 2)
SUFFIXES = [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".feather", ".arrow"]


def write(path: Path, rows: np.ndarray = ROWS) -> Path:
    with open_writer(path, ["a", "b"]) as writer:
        writer.write(rows)
    return path


def read(*given: object, columns: tuple[str, ...] = ("a", "b")) -> np.ndarray:
    blocks = open_table(list(given)).blocks(columns)  # type: ignore[arg-type]
    return np.concatenate([block.values for block in blocks])


class Piped:
    """Standard input that is a pipe, which gives one byte at first."""

    def __init__(self, data: bytes) -> None:
        reading, writing = os.pipe()

        def feed() -> None:
            with os.fdopen(writing, "wb", buffering=0) as stream:
                stream.write(data[:1])
                stream.write(data[1:])

        threading.Thread(target=feed, daemon=True).start()
        self.buffer = os.fdopen(reading, "rb")


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".npy"])
def test_standard_input_is_known_by_its_first_bytes(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write(tmp_path / f"rows{suffix}").read_bytes()
    monkeypatch.setattr(sys, "stdin", Piped(data))
    columns = ("x0", "x1") if suffix == ".npy" else ("a", "b")
    if suffix.startswith(".tsv"):
        with pytest.warns(UserWarning, match="standard input: delimiter"):
            assert np.array_equal(read("-", columns=columns), ROWS)
    else:
        assert np.array_equal(read("-", columns=columns), ROWS)


def test_a_stream_of_arrow_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pyarrow.table({"a": ROWS[:, 0], "b": ROWS[:, 1]})
    stream = io.BytesIO()
    with pyarrow.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table, max_chunksize=4)
    monkeypatch.setattr(sys, "stdin", Piped(stream.getvalue()))
    assert np.array_equal(read("-"), ROWS)


@pytest.mark.parametrize("compression", ["lz4", "zstd", "uncompressed"])
def test_feather_as_others_write_it(tmp_path: Path, compression: str) -> None:
    table = pyarrow.table({"a": ROWS[:, 0].astype("float32"), "note": list("abcdef"), "b": ROWS[:, 1].astype("int16")})
    pyarrow.feather.write_feather(table, str(tmp_path / "rows.feather"), compression=compression)
    assert np.array_equal(read(tmp_path / "rows.feather"), ROWS)
    written = pyarrow.feather.read_table(write(tmp_path / "ours.feather"))
    assert written.to_pydict() == {"a": ROWS[:, 0].tolist(), "b": ROWS[:, 1].tolist()}


def test_a_pipe_with_a_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    text = "a,b\n" + "".join(f"{a},{b}\n" for a, b in np.arange(300_000.0).reshape(-1, 2).tolist())
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(text,))
    writer.start()
    assert np.array_equal(read(tmp_path / "pipe"), np.arange(300_000.0).reshape(-1, 2))
    writer.join()


def test_a_pipe_is_read_once_or_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Piped(b"a,b\n1,2\n"))
    table = open_table("-")
    assert next(table.blocks(["a"])).values.tolist() == [[1.0]]
    with pytest.raises(DataError, match="standard input: can be read only once"):
        next(table.blocks(["a"]))
    monkeypatch.setattr(sys, "stdin", Piped(b"a,b\n1,2\n"))
    (source,) = sources_of(["-"], again=True)
    for _ in range(3):
        assert read(source).tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".feather"])
def test_a_folder_is_its_tables_in_the_order_of_their_names(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "rows"
    (folder / "more").mkdir(parents=True)
    (folder / "_temporary").mkdir()
    write(folder / f"b{suffix}", ROWS[4:])
    write(folder / f"a{suffix}", ROWS[:2])
    write(folder / "more" / f"c{suffix}", -ROWS)
    write(folder / f".hidden{suffix}")
    write(folder / "_temporary" / f"part{suffix}")
    (folder / "_SUCCESS").touch()
    (folder / "README.txt").touch()
    assert np.array_equal(read(folder), np.concatenate([ROWS[:2], ROWS[4:], -ROWS]))
    assert np.array_equal(read(write(tmp_path / "one.csv"), folder), np.concatenate([ROWS, ROWS[:2], ROWS[4:], -ROWS]))


def test_several_files_are_matched_each_by_its_own_names(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("a,b\n1,2\n")
    (tmp_path / "two.csv").write_text("note,b,a\nx,4,3\n")
    assert read(tmp_path / "one.csv", tmp_path / "two.csv").tolist() == [[1, 2], [3, 4]]
    blocks = open_table([tmp_path / "one.csv", tmp_path / "two.csv"]).blocks(["a", "b"])
    assert [(Path(block.name).name, block.numbers.tolist()) for block in blocks] == [("one.csv", [1]), ("two.csv", [1])]


def test_what_is_wrong_in_one_of_several_is_named_by_its_file(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one.csv"), tmp_path / "two.csv"
    two.write_text("a,c\n1,2\n")
    with pytest.raises(DataError, match=r"two\.csv: no column 'b'; it has a, c"):
        read(one, two)
    two.write_text("a,b\n1,2\n1,bad\n")
    with pytest.raises(DataError, match=r"two\.csv: row 2, column 'b' holds 'bad'"):
        read(one, two)
    with pytest.raises(DataError, match=r"three\.csv: no such file"):
        read(one, tmp_path / "three.csv")
    np.save(tmp_path / "rows.npy", ROWS)
    with pytest.raises(DataError, match=r"rows\.npy: .*one\.csv has names of columns"):
        read(one, tmp_path / "rows.npy")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: has no table in it"):
        read(tmp_path / "empty")


def test_gzip_of_several_members_and_a_cut_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n"))
    assert read(path).tolist() == [[1, 2], [3, 4]]
    text = "a,b\n" + "".join(f"{a},{a}\n" for a in np.random.default_rng(0).normal(size=200_000))
    path.write_bytes(gzip.compress(text.encode())[:-1000])
    with pytest.raises(DataError, match=r"rows\.csv\.gz: not a readable gzip file"):
        read(path)


def test_a_compressed_table_is_the_same_bytes_whenever_it_is_written(tmp_path: Path) -> None:
    first, second = (write(tmp_path / name).read_bytes() for name in ("one.csv.gz", "two.csv.gz"))
    assert first == second
    assert gzip.decompress(first) == write(tmp_path / "rows.csv").read_bytes()


def test_a_pointer_of_git_lfs_is_named_as_one(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(DataError, match=r"is a pointer of Git LFS.*git lfs pull"):
        read(tmp_path / "rows.csv")


NO_TEXT: dict[str, tuple[Callable[[], bytes], str]] = {
    "gzip": (lambda: gzip.compress(b"a,b\n1,2\n"), "compressed by gzip; such a table is named .csv.gz"),
    "zip": (lambda: zipped({"rows.csv": b"a,b\n1,2\n"}), "a zip archive"),
    "a workbook": (lambda: zipped({"xl/workbook.xml": b"<workbook/>"}), "a zip archive"),
    "parquet": (lambda: b"PAR1\x15\x04", "a Parquet file"),
    "feather": (lambda: b"ARROW1\0\0", "an Arrow file"),
    "numpy": (lambda: b"\x93NUMPY\x01\x00", "an array of NumPy"),
}


@pytest.mark.parametrize("kind", NO_TEXT)
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz"])
def test_another_format_under_the_name_of_text_is_named_as_what_it_is(tmp_path: Path, kind: str, suffix: str) -> None:
    make, told = NO_TEXT[kind]
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(gzip.compress(make()) if suffix.endswith(".gz") else make())
    with pytest.raises(DataError, match=f"is no text, but {told}"):
        read(path)


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()
