"""score, sample and evaluate as parts of a pipeline: pipes, several files, folders, and tables of other dialects."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import flowexport
from flowexport.tables import open_table, open_writer
from tests.cli.test_cli import FLOWEXPORT, assert_one_line, read, run
from tests.conftest import Exported

ROWS = np.array([[0.5, 1.25], [-1.5, 2.5], [0.25, 0.75]])
TEXT = "x1,x2\n0.5,1.25\n-1.5,2.5\n0.25,0.75\n"


@pytest.fixture
def expected() -> np.ndarray:
    return flowexport.load("banana", device="cpu").log_prob(ROWS).astype(np.float64)


def piped(data: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*FLOWEXPORT, *arguments], input=data, capture_output=True, check=False)


def log_prob(text: str) -> np.ndarray:
    table = np.genfromtxt(io.StringIO(text), delimiter=",", names=True)
    return np.atleast_1d(table["log_prob"])


@pytest.mark.thorough
@pytest.mark.parametrize("rows", ["-", "/dev/stdin"])
def test_score_reads_standard_input(rows: str, expected: np.ndarray) -> None:
    done = piped(TEXT.encode(), "score", "banana", rows)
    assert (done.returncode, done.stderr) == (0, b"")
    assert np.allclose(log_prob(done.stdout.decode()), expected, rtol=1e-6, atol=1e-6)


def test_score_reads_a_process_substitution_and_writes_one(tmp_path: Path, expected: np.ndarray) -> None:
    (tmp_path / "rows.csv").write_text(TEXT)
    program = " ".join(FLOWEXPORT)
    line = f"{program} score banana <(cat {tmp_path}/rows.csv) -o >(cat > {tmp_path}/scores.csv); wait $!"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"")
    for _ in range(100):  # the writing process ends when it will
        if (tmp_path / "scores.csv").exists() and (tmp_path / "scores.csv").read_text().count("\n") == 4:
            break
        subprocess.run(["sleep", "0.05"], check=True)
    assert np.allclose(log_prob((tmp_path / "scores.csv").read_text()), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.thorough
@pytest.mark.parametrize("output", ["-", "/dev/stdout"])
def test_a_pipeline_of_sample_and_score(output: str) -> None:
    samples = piped(b"", "sample", "banana", "-n", "100", "--seed", "3", "-o", output)
    assert samples.returncode == 0
    scores = piped(samples.stdout, "score", "banana", "-", "-o", output)
    assert (scores.returncode, scores.stderr) == (0, b"")
    model = flowexport.load("banana", device="cpu")
    drawn = model.log_prob(model.sample(100, seed=3))
    assert np.allclose(log_prob(scores.stdout.decode()), drawn, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("suffix", [".csv.gz", ".tsv", ".tsv.gz", ".feather", ".arrow", ".parquet"])
def test_every_format_goes_in_and_out(tmp_path: Path, suffix: str, expected: np.ndarray) -> None:
    with open_writer(tmp_path / f"rows{suffix}", ["x2", "x1"]) as writer:
        writer.write(ROWS[:, ::-1])
    result = run("score", "banana", tmp_path / f"rows{suffix}", "-o", tmp_path / f"scores{suffix}")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert open_table(tmp_path / f"scores{suffix}").columns == ["log_prob", "percentile"]
    assert np.allclose(read(tmp_path / f"scores{suffix}")[:, 0], expected, rtol=1e-6, atol=1e-6)


def test_several_files_and_a_folder(tmp_path: Path, expected: np.ndarray) -> None:
    (tmp_path / "one.csv").write_text(TEXT)
    (tmp_path / "more").mkdir()
    with open_writer(tmp_path / "more" / "two.parquet", ["x1", "x2"]) as writer:
        writer.write(ROWS)
    result = run("score", "banana", tmp_path / "one.csv", tmp_path / "more")
    assert np.allclose(log_prob(result.stdout), np.tile(expected, 2), rtol=1e-6, atol=1e-6)
    assert_one_line(run("score", "banana", tmp_path / "more", "-o", tmp_path / "more" / "two.parquet"), "is read")


def test_what_was_taken_is_said_in_a_line(tmp_path: Path, expected: np.ndarray) -> None:
    (tmp_path / "rows.csv").write_text(TEXT.replace(",", ";").replace(".", ","))
    result = run("score", "banana", tmp_path / "rows.csv")
    assert np.allclose(log_prob(result.stdout), expected, rtol=1e-6, atol=1e-6)
    assert result.stderr.splitlines() == [
        f"flowexport: {tmp_path}/rows.csv: delimiter ';', as its first lines have it",
        f"flowexport: {tmp_path}/rows.csv: decimal ',', as its first lines have it",
    ]
    given = run("score", "banana", tmp_path / "rows.csv", "--delimiter", ";", "--decimal", ",", "--encoding", "latin-1")
    assert (given.stdout, given.stderr) == (result.stdout, "")
    assert_one_line(run("score", "banana", tmp_path / "rows.csv", "--delimiter", "ab"), "--delimiter: expected one")
    assert_one_line(run("score", "banana", tmp_path / "rows.csv", "--encoding", "none"), "--encoding: 'none' is unkn")


def test_evaluate_reads_standard_input_for_two_models(plain: Exported, other: Exported, tmp_path: Path) -> None:
    with open_writer(tmp_path / "rows.csv", ["x0", "x1"]) as writer:
        writer.write(plain.x[:300])
    command = ["evaluate", str(plain.path), "--compare", str(other.path), "--json"]
    done = piped((tmp_path / "rows.csv").read_bytes(), *command, "-")
    assert (done.returncode, done.stderr) == (0, b"")
    by_name = piped(b"", *command, str(tmp_path / "rows.csv"))
    assert done.stdout.replace(b"standard input", str(tmp_path / "rows.csv").encode()) == by_name.stdout


def test_a_folder_is_no_output(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(TEXT)
    (tmp_path / "scores.csv").mkdir()
    for verb in (["score", "banana", tmp_path / "rows.csv"], ["sample", "banana", "-n", 1]):
        assert_one_line(run(*verb, "-o", tmp_path / "scores.csv"), "scores.csv: is a folder; name a file in it")
        assert_one_line(run(*verb, "-o", tmp_path / "absent" / "scores.csv"), "absent/scores.csv: cannot be written")
    assert sys.platform != "linux" or list((tmp_path / "scores.csv").iterdir()) == []
