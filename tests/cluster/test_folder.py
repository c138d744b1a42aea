"""A job's folder holds whole files of one job, and says what is there when it cannot be used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flowexport.cluster.folder import RECORD, job_folder
from flowexport.errors import DataError

JOB = {"verb": "score", "digest": "a", "inputs": {"x.csv": ["/x.csv", 1, 2]}}


def begin(path: Path, resume: bool = False, **changed: object) -> None:
    with job_folder(path, JOB | changed, ["x.csv", "below/y.csv"], resume) as folder:
        folder.target("x.csv").write_text("done", encoding="utf-8")


def test_a_job_is_taken_up_and_not_begun_twice(tmp_path: Path) -> None:
    begin(tmp_path / "out")
    with pytest.raises(DataError, match="is there already; --resume takes up a job, or name a new folder"):
        begin(tmp_path / "out")
    begin(tmp_path / "out", resume=True)
    begin(tmp_path / "new", resume=True)


def test_a_file_of_somebody_elses_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(DataError, match=r"x\.csv: is there already"):
        begin(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["x.csv"]
    with pytest.raises(DataError, match="is no folder"):
        begin(tmp_path / "x.csv")


@pytest.mark.parametrize("changed", [{"digest": "b"}, {"inputs": {"x.csv": ["/x.csv", 1, 3]}}])
def test_another_job_is_not_taken_up(tmp_path: Path, changed: dict[str, object]) -> None:
    begin(tmp_path)
    with pytest.raises(DataError, match=f"another job was begun here \\({next(iter(changed))} differ\\)"):
        begin(tmp_path, resume=True, **changed)
    (tmp_path / RECORD).write_text("[", encoding="utf-8")
    with pytest.raises(DataError, match="another job was begun here"):
        begin(tmp_path, resume=True)


def test_two_processes_do_not_work_in_one_folder(tmp_path: Path) -> None:
    program = f"""
import sys
from pathlib import Path
from flowexport.cluster.folder import job_folder
with job_folder(Path({str(tmp_path)!r}), {JOB!r}, [], False):
    print("in", flush=True)
    sys.stdin.read()
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(DataError, match="another process works there; let it end first"):
            begin(tmp_path, resume=True)
        other.communicate("")
    begin(tmp_path, resume=True)


def test_what_is_half_is_swept(tmp_path: Path) -> None:
    begin(tmp_path)
    halves = [tmp_path / ".x.csv.0123456789abcdef.tmp", tmp_path / ".x.csv.parts" / "00000.parquet"]
    left = tmp_path / "below" / ".y.csv.parts"
    halves.append(left / ".00001.parquet.0123456789abcdef.tmp")
    kept = left / "00000.parquet"
    for path in [*halves, kept]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half", encoding="utf-8")
    begin(tmp_path, resume=True)
    assert not any(path.exists() for path in halves)
    assert kept.exists(), "a part of a file that is not whole yet"
