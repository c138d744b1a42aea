"""`flowexport convert --to ort` and `--to openvino`: what they write is opened by these engines and says the same."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from flowexport.bundle import read_onnx, zoo_names
from flowexport.convert.engines import held
from flowexport.errors import CheckFailed
from flowexport.native.interpret import interpret
from flowexport.native.read import read_form
from tests.conftest import exported
from tests.native.golden import cases, share_of_bound, zoo

from .builds import convert

IN_MAKE_TEST = ("banana", "digits")

NAMES = [
    pytest.param(name, marks=() if name in IN_MAKE_TEST else pytest.mark.slow)
    for name in zoo_names()
    if (zoo(name).path / "flow.json").is_file()
]


def in_onnxruntime(folder: Path, graph: str) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
    session = onnxruntime.InferenceSession(str(folder / f"{graph}.ort"), providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)[0]


@cache
def core() -> Any:
    """OpenVINO, once for all tests: of two whose lives overlap, the one that ends last leaves the process a stack for
    signals that is freed already, and the next signal ends it."""
    import openvino

    return openvino.Core()


def in_openvino(folder: Path, graph: str) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
    model = core().compile_model(str(folder / f"{graph}.xml"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda inputs: model(inputs)[0]


ENGINES = {"ort": in_onnxruntime, "openvino": in_openvino}


@pytest.mark.parametrize("to", ENGINES)
@pytest.mark.parametrize("name", NAMES)
def test_golden_cases_hold_in_the_engine_that_the_files_are_for(name: str, to: str, tmp_path: Path) -> None:
    done = convert(name, "--to", to, "-o", tmp_path / name)
    assert done.exit_code == 0, done.output
    for graph in ("log_prob", "sample"):
        compute = ENGINES[to](tmp_path / name, graph)
        for case in cases(name, graph):
            inputs = {each: array.astype(np.float32) for each, array in case.inputs.items()}
            found = compute(inputs).astype(np.float64)
            assert share_of_bound(name, case, found) <= 1, case.name


def test_float64_stays_float64(tmp_path: Path) -> None:
    bundle = exported(tmp_path / "double", dtype="float64", features=2)
    for to in ENGINES:
        done = convert(bundle.path, "--to", to, "-o", tmp_path / to)
        assert done.exit_code == 0, done.output
        cost = json.loads((tmp_path / to / "precision.json").read_text(encoding="utf-8"))["log_prob"]["data"]
        assert cost["most"] < (1e-10 if to == "ort" else 1e-4)


def test_a_reduced_build_is_told_its_operators(tmp_path: Path) -> None:
    done = convert("mixture", "--to", "ort", "-o", tmp_path / "mixture")
    assert done.exit_code == 0, done.output
    text = (tmp_path / "mixture" / "required_operators.config").read_text(encoding="utf-8")
    named = set(re.findall(r"[;,]([A-Z]\w+)", text))
    graphs = [read_onnx(zoo("mixture").read(f"{graph}.onnx"), graph) for graph in ("log_prob", "sample")]
    used = {operator for graph in graphs for operator in graph.operators}
    assert named >= {"Gemm", "Exp", "Softsign"}
    assert named <= used
    assert str(tmp_path) not in text
    assert all(line.startswith("ai.onnx;") for line in text.splitlines() if line)


def test_openvinos_half_precision_is_told_in_nats_and_bounded(tmp_path: Path) -> None:
    words = ["banana", "--to", "openvino", "--weights", "float16", "-o", tmp_path / "banana"]
    refused = convert(*words, "--max-nats", "1e-5")
    assert refused.exit_code == 1
    assert not (tmp_path / "banana").exists()
    done = convert(*words)
    assert done.exit_code == 0, done.output
    cost = json.loads((tmp_path / "banana" / "precision.json").read_text(encoding="utf-8"))["log_prob"]["data"]
    assert 1e-5 < cost["p99"] < 1e-1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--to", "ort", "--weights", "float16"], "--to ort: takes no --weights"),
        (["--to", "openvino", "--weights", "int8"], "--to openvino: takes no --weights int8"),
        (["--to", "ort", "--name", "other"], "--to ort: takes no --name"),
    ],
)
def test_options_without_a_meaning_are_refused(words: list[str], line: str, tmp_path: Path) -> None:
    refused = convert("banana", *words, "-o", tmp_path / "banana")
    assert refused.exit_code == 2
    assert line in refused.output


def test_without_openvino_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    refused = convert("banana", "--to", "openvino", "-o", tmp_path / "banana")
    assert refused.exit_code == 2
    assert "pip install 'flowexport[openvino]'" in refused.output


def test_an_engine_that_is_off_is_not_believed() -> None:
    forms = {graph: read_form(zoo("banana"), graph) for graph in ("log_prob", "sample")}
    right = {graph: lambda inputs, form=form: interpret(form, inputs) for graph, form in forms.items()}
    held(zoo("banana"), {}, right, "float32", None)
    wrong = right | {"sample": lambda inputs: right["sample"](inputs) * np.float32(1.001)}
    with pytest.raises(CheckFailed, match="sample, golden rows of noise"):
        held(zoo("banana"), {}, wrong, "float32", None)
