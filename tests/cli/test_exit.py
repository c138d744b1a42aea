"""Exit status 1 means a failed check and nothing else, whatever becomes of the streams and of the process."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

from flowexport.cli import screen
from flowexport.cli.main import FAULT, main
from tests.conftest import Exported
from tests.planting import Planted, nudge_largest_weight


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def shell(command: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"FLOWEXPORT": f"{sys.executable} -m flowexport"} | more
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, errors="replace", env=environment, check=False
    )


def test_a_reader_that_left_is_no_failed_check(plain: Exported) -> None:
    done = shell(f"set -o pipefail; $FLOWEXPORT verify {plain.path} --device cpu | true")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_failed_check_is_one_though_the_reader_left(plain: Exported, tmp_path: Path) -> None:
    planted = Planted(plain.path, tmp_path / "planted")
    planted.edit_graph("sample", nudge_largest_weight)
    done = shell(f"set -o pipefail; $FLOWEXPORT verify {planted.path} --device cpu | true")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("words", "status"), [("verify {} --device cpu", 0), ("inspect {}", 0), ("--help", 0)])
def test_closed_standard_output(plain: Exported, words: str, status: int) -> None:
    done = shell(f"$FLOWEXPORT {words.format(plain.path)} >&-")
    assert (done.returncode, done.stderr) == (status, "")


def test_results_that_go_nowhere_are_said(tmp_path: Path) -> None:
    done = shell("$FLOWEXPORT sample banana -n 1 >&-")
    assert (done.returncode, done.stderr) == (2, "flowexport: standard output is closed; name a file with -o\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
@pytest.mark.parametrize(
    "words", ["--help", "sample banana -n 1", "sample banana -n 20000", "inspect banana", "inspect banana --json"]
)
def test_a_full_disk_is_no_failed_check(words: str) -> None:
    done = shell(f"$FLOWEXPORT {words} > /dev/full")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert re.search(r"standard output: .*No space left on device", line)


@pytest.mark.thorough
@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "latin-1", "ascii"])
@pytest.mark.parametrize("words", ["verify banana --device cpu", "inspect banana", "inspect banana --json"])
def test_standard_output_of_an_old_encoding(words: str, encoding: str) -> None:
    done = shell(f"$FLOWEXPORT {words} | cat; exit ${{PIPESTATUS[0]}}", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [("verify", "banana", "--device", "cpu"), ("inspect", "banana"), ("models",)])
def test_json_is_ascii(words: tuple[str, ...]) -> None:
    text = run(*words, "--json").stdout
    assert text.isascii()
    json.loads(text)


def test_errors_are_json_where_json_was_asked_for() -> None:
    for words, status in ((("inspect", "nothing"), 2), (("verify", "banana", "--device", "tpu"), 2), (("verify",), 2)):
        result = run(*words, "--json")
        assert result.exit_code == status
        assert set(json.loads(result.stderr)) == {"error", "exit_status"}


def test_a_column_twice_in_parquet(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1.0])] * 3, names=["x1", "x2", "x1"])
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    result = run("score", "banana", tmp_path / "rows.parquet")
    assert result.exit_code == 2
    assert "names the column 'x1' twice" in result.stderr


def test_an_archive_named_as_an_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", np.ones((2, 2)))
    (tmp_path / "rows.npz").rename(tmp_path / "rows.npy")
    result = run("score", "banana", tmp_path / "rows.npy")
    assert result.exit_code == 2
    assert "an NPZ archive" in result.stderr


@pytest.mark.parametrize("context", ["Ideal\n,1,1", "Ideal,1,1\nIdeal,1,1", "\r", "Ideal" * 100_000])
def test_a_context_that_is_no_row_of_cells(context: str) -> None:
    result = run("sample", "diamonds", "-n", 1, "--context", context, "--device", "cpu")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("flowexport: --context: expected 3 values")


@pytest.mark.parametrize(
    "words",
    [
        ("inspect", "a\0b"),
        ("score", "banana", "a\0b.csv"),
        ("sample", "banana", "-n", "1", "-o", "a\0b.csv"),
        ("train", "a\0.toml", "-o", "run"),
        ("export", "a\0", "-o", "bundle"),
        ("evaluate", "a\0"),
        ("demo", "-o", "a\0"),
    ],
)
def test_a_zero_in_a_name(words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "no name of a file" in line


@pytest.mark.parametrize("verb", ["inspect", "verify", "evaluate", "export"])
@pytest.mark.parametrize("path", ["/", "."])
def test_a_folder_that_is_nothing_of_ours(
    tmp_path: Path, verb: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(verb, path, *(["-o", tmp_path / "bundle"] if verb == "export" else []))
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "cannot be read" in line
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_a_terminal_shows_as_it_is(tmp_path: Path) -> None:
    """Whatever a stranger's name has in it, and however long it is."""
    result = run("verify", tmp_path / ("\x1b[2J" + "a" * 200) / ("b" * 200) / ("c" * 200) / ("d" * 200) / ("e" * 200))
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "\\x1b[2J" in line
    assert len(line) < 1100


def test_a_fault_of_our_own_has_a_status_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowexport.bundle.open_bundle", lambda path: {}[path])
    result = run("inspect", "banana")
    assert result.exit_code == FAULT
    assert "a fault of flowexport itself (KeyError: 'banana')" in result.stderr


def test_scores_do_not_take_the_place_of_their_rows(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("x1,x2\n1,2\n")
    (tmp_path / "link.csv").symlink_to(rows)
    (tmp_path / "hard.csv").hardlink_to(rows)
    for name in ("rows.csv", "link.csv", "hard.csv"):
        result = run("score", "banana", rows, "-o", tmp_path / name, "--device", "cpu")
        assert result.exit_code == 2
        assert "is a table that is read" in result.stderr
    assert rows.read_text() == "x1,x2\n1,2\n"


@pytest.mark.parametrize("count", [10**16, 99999999999999999999999])
@pytest.mark.parametrize("name", ["samples.csv", "samples.npy"])
def test_more_rows_than_the_disk_holds_are_refused_with_their_size(tmp_path: Path, name: str, count: int) -> None:
    result = run("sample", "banana", "-n", count, "-o", tmp_path / name, "--device", "cpu")
    assert result.exit_code == 2
    assert f"{count:,} rows are at least " in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_table_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(screen, "PIPED_WIDTH", 40)
    rows = [("structure", "flow.json", "16"), ("parity", "log_prob, batch of 1000 rows of the data", "")]
    screen.show_table(("check", "subject", ">figure"), rows, "title")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 40
    assert [line for line in lines if line][:5] == [
        "title", "check: structure", "subject: flow.json", "figure: 16", "check: parity",
    ]  # fmt: skip
    assert not any(line.startswith("figure:") for line in lines[5:])
