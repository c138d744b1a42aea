"""On a real cluster of two local workers: the numbers of one process, each row once, whatever dies on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import csv, parquet

import flowexport
from flowexport.cluster import Sampler, Scorer, sample_files, score_files
from flowexport.cluster.folder import RECORD
from flowexport.cluster.sampling import FILE_ROWS
from flowexport.errors import DataError

pytestmark = pytest.mark.slow

ROWS = 1_200_000
"""Of the large file: three pieces."""

ASKED = ("--flag", "0.01", "--missing", "empty")

FILES = ("below/few.csv", "large.parquet", "rows.npy")


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    digest = flowexport.load("moons", device="cpu").bundle.sha256
    return Scorer("moons", digest, flag=0.01, missing="empty")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of each kind: read whole, or some rows at a time, from row groups that are cut at odd places."""
    folder = tmp_path_factory.mktemp("rows")
    model = flowexport.load("moons", device="cpu")
    x = model.sample(ROWS, seed=1)
    x[[7, 700_000], 0] = np.nan  # rows without a score
    table = pyarrow.table({"id": np.arange(ROWS), **{name: x[:, i] for i, name in enumerate(model.features)}})
    (folder / "below").mkdir()
    csv.write_csv(table.slice(0, 50_000), folder / "below" / "few.csv")
    parquet.write_table(table, folder / "large.parquet", row_group_size=99_999)
    np.save(folder / "rows.npy", x[:600_000])
    return folder


@pytest.fixture(scope="module")
def local(rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scores of each file by `flowexport score` of one process."""
    folder = tmp_path_factory.mktemp("local")
    for name in FILES:
        (folder / name).parent.mkdir(exist_ok=True)
        command = [
            "score",
            "moons",
            rows / name,
            "-o",
            folder / name,
            "--device",
            "cpu",
            "--flag",
            "0.01",
            "--missing",
            "empty",
        ]
        subprocess.run([sys.executable, "-m", "flowexport", *command], check=True)
    return folder


def require_same(found: Path, local: Path) -> None:
    """The same files with the same numbers, and nothing else."""
    names = sorted(str(path.relative_to(found)) for path in found.rglob("*") if path.is_file())
    assert names == sorted([RECORD, *FILES])
    assert sorted(path.name for path in found.iterdir() if path.is_dir()) == ["below"]
    for name in ("below/few.csv", "rows.npy"):
        assert (found / name).read_bytes() == (local / name).read_bytes()
    ours, theirs = (parquet.read_table(folder / "large.parquet") for folder in (found, local))
    assert ours.num_rows == ROWS
    assert ours.combine_chunks().equals(theirs.combine_chunks())


def workers_of(driver: int) -> list[int]:
    """The processes that run tasks below a driver."""
    parents, tasks = {}, []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            title = (path / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if title.startswith(b"ray::attempted"):
            tasks.append(int(path.name))

    def above(process: int) -> Iterator[int]:
        while process in parents:
            process = parents[process]
            yield process

    return [process for process in tasks if driver in above(process)]


def test_a_worker_that_dies_costs_nothing_but_its_piece(
    scorer: Scorer, rows: Path, local: Path, tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill(done: int, of: int) -> None:
        if not killed:
            for worker in workers_of(os.getpid())[:1]:
                os.kill(worker, signal.SIGKILL)
                killed.append(worker)

    scoring = score_files(scorer, [rows], tmp_path / "scores", workers=2, advance=kill)
    assert killed
    assert (scoring.read, scoring.absent) == (ROWS + 600_000 + 50_000, 4)
    require_same(tmp_path / "scores", local)
    large = parquet.read_table(local / "large.parquet")["log_prob"].to_numpy()
    reference = flowexport.load("moons", device="cpu").manifest.reference
    assert reference is not None
    lowest = reference.log_prob_quantiles[0]
    few = csv.read_csv(local / "below" / "few.csv")["log_prob"].to_numpy()
    scores = np.concatenate([large, np.load(local / "rows.npy")[:, 0], few])
    assert scoring.ranks.below == (scores < lowest).sum()


def test_a_driver_that_dies_leaves_what_is_whole_and_resume_does_the_rest(
    scorer: Scorer, rows: Path, local: Path, tmp_path: Path
) -> None:
    output = tmp_path / "scores"
    words = [
        "score",
        "moons",
        rows,
        "-o",
        output,
        "--flag",
        "0.01",
        "--missing",
        "empty",
        "--engine",
        "ray",
        "--workers",
        "2",
    ]
    command = [sys.executable, "-m", "flowexport", *map(str, words)]
    driver = subprocess.Popen(command)

    def whole() -> list[Path]:
        return [path for path in output.rglob("*") if path.is_file() and path.suffix in (".csv", ".npy", ".parquet")]

    while not whole():
        assert driver.poll() is None, "it was to be killed before its end"
        time.sleep(0.01)
    workers = workers_of(driver.pid)
    driver.kill()
    driver.wait()
    until = time.monotonic() + 30
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < until, "workers of a dead driver end"
        time.sleep(0.1)
    done = {path: path.stat().st_mtime_ns for path in whole() if not path.parent.name.endswith(".parts")}
    assert not all((output / name).exists() for name in FILES)
    half = output / ".rows.npy.0123456789abcdef.tmp"
    half.write_bytes(b"half")

    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "is there already; --resume takes up a job" in refused.stderr
    subprocess.run([*command, "--resume"], check=True)
    require_same(output, local)
    assert {path: path.stat().st_mtime_ns for path in done} == done, "what was done is not done again"


def test_a_draw_is_the_same_rows_and_a_bad_row_is_said_by_its_number(scorer: Scorer, tmp_path: Path) -> None:
    model = flowexport.load("moons", device="cpu")
    count = FILE_ROWS + 70_000
    sample_files(Sampler("moons", scorer.digest, count, 9, 0.5, None), tmp_path / "drawn", workers=2)
    names = ["samples-000000-of-000002.parquet", "samples-000001-of-000002.parquet"]
    assert sorted(path.name for path in (tmp_path / "drawn").glob("*.parquet")) == names
    drawn = pyarrow.concat_tables([parquet.read_table(tmp_path / "drawn" / name) for name in names])
    assert drawn.column_names == model.features
    whole = np.concatenate([*model.iterate_samples(count, None, 9, 0.5)])
    np.testing.assert_array_equal(np.stack([column.to_numpy() for column in drawn.columns], axis=1), whole)

    whole[900_000, 1] = np.nan
    np.save(tmp_path / "rows.npy", whole)
    with pytest.raises(DataError, match=r"rows\.npy: row 900001, column 'x1' holds the value nan"):
        score_files(replace(scorer, missing="refuse"), [tmp_path / "rows.npy"], tmp_path / "scores", workers=2)
    assert not (tmp_path / "scores" / "rows.npy").exists()
