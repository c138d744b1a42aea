"""``flowexport bench``: figures for every verb, rows and threads; another bundle or a run folder beside; no timing."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from safetensors.torch import save_file

from flowexport.bench import measure
from flowexport.bench.subject import repeated
from flowexport.cli.main import main
from flowexport.errors import ArgumentError
from flowexport.flows import RealNVP, architecture_of
from flowexport.runtime.device import cuda_fault
from flowexport.runtime.processors import available_threads
from flowexport.training.checkpoint import FORMAT, Config, save_checkpoint
from tests.conftest import Exported

QUICK = ("--seconds", "0.001", "--rows", "1,3", "--threads", "1", "--device", "cpu")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


def assert_one_line(result: Result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    for word in ("flowexport: ", *words):
        assert word in lines[0], lines[0]


def run_folder(folder: Path, flow: RealNVP, name: str = "trained") -> Path:
    """What training leaves of a flow."""
    features = [f"x{i}" for i in range(flow.features)]
    context = [f"c{i}" for i in range(flow.context)]
    folder.mkdir()
    save_checkpoint(folder, flow.state_dict(), Config(FORMAT, name, architecture_of(flow), features, context))
    return folder


def test_a_table_has_a_line_for_every_verb_rows_and_threads(plain: Exported) -> None:
    result = run(plain.path, *QUICK)
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    found = [line[:3] for line in lines if line and line[0] in ("log_prob", "sample")]
    assert found == [[verb, rows, "1"] for verb in ("log_prob", "sample") for rows in ("1", "3")]
    assert "plain on cpu" in result.stdout
    assert "cores" in result.stdout
    assert "ratio" not in result.stdout


def test_all_threads_are_measured_unless_some_are_named(plain: Exported) -> None:
    found = measure(plain.path, rows=[2], seconds=1e-3, device="cpu")
    assert {each.task["threads"] for each in found.comparisons} == {1, available_threads()}


def test_the_process_keeps_its_processors(plain: Exported) -> None:
    before = available_threads()
    measure(plain.path, rows=[2], threads=[1], seconds=1e-3, device="cpu")
    assert available_threads() == before


def test_json_has_the_figures_and_no_names_of_the_machine(plain: Exported) -> None:
    result = run(plain.path, *QUICK, "--engine", "onnxruntime", "--json")
    document = json.loads(result.stdout)
    assert document["unit"] == "µs"
    assert document["compare"] is None
    assert document["bundle"] == {"name": "plain", "runs_on": "ONNX Runtime", "device": "cpu"}
    assert [(each["verb"], each["rows"], each["threads"]) for each in document["figures"]] == [
        ("log_prob", 1, 1),
        ("log_prob", 3, 1),
        ("sample", 1, 1),
        ("sample", 3, 1),
    ]
    for each in document["figures"]:
        assert each["calls"] >= 3
        assert 0 < each["best"] <= each["median"]
        assert each["rows_per_second"] == pytest.approx(each["rows"] / each["median"] * 1e6)
    for word in (os.uname().nodename, str(plain.path), str(Path.home())):
        assert word not in result.stdout


def test_files_get_the_document_and_the_picture(plain: Exported, tmp_path: Path) -> None:
    result = run(plain.path, *QUICK, "--json", tmp_path / "a.json", "--png", tmp_path / "a.png")
    assert result.exit_code == 0, result.output
    assert "log_prob" in result.stdout
    assert len(json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["figures"]) == 4
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.format == "PNG"
        assert len(set(picture.convert("L").tobytes())) > 10
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "a.png"}


def test_another_bundle_is_measured_beside(plain: Exported, other: Exported, tmp_path: Path) -> None:
    result = run(
        plain.path,
        *QUICK,
        *("--engine", "onnxruntime"),
        *("--compare", other.path, "--json", tmp_path / "a.json", "--png", tmp_path / "a.png"),
    )
    assert result.exit_code == 0, result.output
    for word in ("ratio", "other, µs", "plain on cpu in ONNX Runtime, beside other in ONNX Runtime"):
        assert word in result.stdout
    document = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    for each in document["figures"]:
        assert each["ratio"] == pytest.approx(each["compare"]["median"] / each["median"])


def test_a_bundle_beside_itself_has_two_names(plain: Exported) -> None:
    found = measure(plain.path, plain.path, [1], [1], 1e-3, "cpu")
    assert len(set(found.labels)) == 2


@pytest.mark.parametrize("file", ["", "config.json", "model.safetensors"])
def test_a_run_folder_is_measured_in_pytorch(file: str, plain: Exported, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", plain.flow)
    result = run(plain.path, *QUICK, "--compare", folder / file, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["compare"] == {"name": "trained", "runs_on": "PyTorch", "device": "cpu"}
    assert all(each["compare"]["median"] > 0 for each in document["figures"])


def test_contexts_are_measured_too(conditional: Exported, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", conditional.flow)
    result = run(conditional.path, *QUICK, "--compare", folder)
    assert result.exit_code == 0, result.output
    assert "PyTorch, µs" in result.stdout


def test_both_are_given_the_same_rows(plain: Exported) -> None:
    rows = plain.x[:5].astype(np.float32)
    np.testing.assert_array_equal(repeated(rows, 12), np.concatenate([rows, rows, rows[:2]]))


def test_what_cannot_be_compared_gets_one_line(
    plain: Exported, conditional: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_one_line(run(tmp_path / "no", *QUICK), "no such folder")
    assert_one_line(run(plain.path, *QUICK, "--compare", tmp_path / "no"), "no such folder")
    assert_one_line(
        run(plain.path, *QUICK, "--compare", conditional.path), "5 features and a context of 2", "2 features"
    )
    save_file({}, tmp_path / "weights.pt")
    assert_one_line(run(plain.path, *QUICK, "--compare", tmp_path / "weights.pt"), "weights.pt", "export --from")
    folder = run_folder(tmp_path / "run", plain.flow)
    (folder / "model.safetensors").write_bytes(b"no")
    assert_one_line(run(plain.path, *QUICK, "--compare", folder), "model.safetensors", "not a safetensors file")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert_one_line(run(plain.path, *QUICK, "--png", tmp_path / "a.png"), "matplotlib", "flowexport[train]")


def test_files_that_cannot_be_written_are_refused_before_measuring(
    plain: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowexport.bench.measure", lambda *_: pytest.fail("it measured"))
    assert_one_line(run(plain.path, *QUICK, "--png", tmp_path / "no" / "a.png"), "cannot be written", "no folder")
    assert_one_line(run(plain.path, *QUICK, "--json", tmp_path), "cannot be written", "is a folder")


@pytest.mark.parametrize("option", ["--rows", "--threads"])
@pytest.mark.parametrize("given", ["0", "1,x", "", "1.5"])
def test_counts_are_whole_numbers_from_one(option: str, given: str, plain: Exported) -> None:
    result = run(plain.path, option, given)
    assert result.exit_code == 2
    assert "whole numbers from 1" in result.stderr
    assert "Traceback" not in result.stderr


def test_threads_that_would_wait_for_each_other_are_refused(plain: Exported) -> None:
    most = available_threads()
    assert_one_line(run(plain.path, "--threads", most + 1, "--device", "cpu"), f"expected 1 to {most}")


def test_impossible_arguments_are_refused(plain: Exported) -> None:
    with pytest.raises(ArgumentError, match="rows"):
        measure(plain.path, rows=[], device="cpu")
    with pytest.raises(ArgumentError, match="seconds"):
        measure(plain.path, seconds=0, device="cpu")


@pytest.mark.skipif(cuda_fault(0) is None, reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(plain: Exported) -> None:
    assert_one_line(run(plain.path, "--device", "cuda"), "device cuda:0 cannot be had")
