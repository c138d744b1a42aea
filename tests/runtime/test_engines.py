"""The one door for engines: one joins by a row, is proved like any other, and says why it was chosen."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import load_model_from_string
from onnx.reference import ReferenceEvaluator

import flowexport
from flowexport.bundle import Bundle
from flowexport.cli.main import main
from flowexport.errors import ArgumentError, DeviceError, EngineError, InputError
from flowexport.runtime import engines
from flowexport.runtime.device import Device, cuda_fault
from flowexport.runtime.engine import Engine, Quick, Signature, signature_of
from flowexport.runtime.engines import Row, open_engine
from flowexport.runtime.onnx_runtime import OnnxRuntime
from flowexport.runtime.tensors import refuse_tensor
from tests.conftest import Exported


class EvaluatedGraph:
    """A graph in the evaluator of the package onnx, written in numpy."""

    def __init__(self, data: bytes, signature: Signature, lied: str | None) -> None:
        self.evaluator, self.signature = ReferenceEvaluator(load_model_from_string(data)), signature
        self.provider = lied or "numpy"
        self.rows: list[int] = []
        self.threads: set[str] = set()

    def run(self, *inputs: np.ndarray) -> np.ndarray:
        self.rows.append(len(inputs[0]))
        self.threads.add(threading.current_thread().name)
        named = dict(zip(self.signature.inputs, inputs, strict=True))
        with np.errstate(all="ignore"):
            found: np.ndarray = self.evaluator.run([self.signature.output], named)[0]
        return found

    def run_into(self, inputs: Sequence[np.ndarray], out: np.ndarray) -> None:
        out[...] = self.run(*(np.ascontiguousarray(each, self.signature.dtype) for each in inputs))


class Evaluator:
    """An engine that has nothing of ONNX Runtime."""

    name, title, provider = "evaluator", "the evaluator of onnx", "numpy"
    block_rows, most_threads, quick = 100, 1, Quick()
    lied: str | None = None

    def __init__(self, bundle: Bundle, device: Device, why: str) -> None:
        if bundle.manifest.name == "other":
            raise EngineError("evaluator: cannot run what is called other")
        self.device, self.why = device, why
        self.graphs = {
            name: EvaluatedGraph(bundle.graph(name)[0], signature_of(spec), self.lied)
            for name, spec in bundle.manifest.graphs.items()
        }

    def tensors(self, x: Any) -> NoReturn:
        refuse_tensor(x, self.device)


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine in the registry, by one row, before ONNX Runtime, and no other."""
    others = [row for row in engines.ENGINES if row.name == "onnxruntime"]
    monkeypatch.setattr(engines, "ENGINES", (Row("evaluator", "cpu", Evaluator), *others))


@pytest.mark.usefixtures("joined")
@pytest.mark.parametrize("which", ["plain", "conditional"])
def test_an_engine_that_joins_by_a_row_is_proved_like_any_other(which: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(which).path
    report = flowexport.verify(path, engine="evaluator")
    assert report.passed, report.fault()
    assert report.engine == report.to_dict()["engine"] == "evaluator"
    assert report.checks[-1].detail == "numpy"
    ours = flowexport.load(path, device="cpu", engine="onnxruntime")
    theirs = flowexport.load(path, engine="evaluator")
    context = None if not ours.context_size else np.ones(ours.context_size)
    x = ours.sample(257, context, seed=0)
    np.testing.assert_allclose(theirs.sample(257, context, seed=0), x, atol=1e-4)
    np.testing.assert_allclose(theirs.log_prob(x, context), ours.log_prob(x, context), atol=1e-3, rtol=1e-5)


@pytest.mark.usefixtures("joined")
def test_an_engine_has_the_blocks_and_threads_that_it_asks_for(plain: Exported) -> None:
    model = flowexport.load(plain.path, threads=8, engine="evaluator")
    model.log_prob(np.zeros((250, 2)))
    graph = model.graphs["log_prob"]
    assert isinstance(graph, EvaluatedGraph)
    assert graph.rows == [100, 100, 50]
    assert graph.threads == {threading.current_thread().name}


@pytest.mark.usefixtures("joined")
def test_the_first_engine_that_can_is_taken_and_says_why(plain: Exported, other: Exported) -> None:
    first = flowexport.load(plain.path, device="cpu")
    assert (first.engine.name, first.engine.why) == ("evaluator", "the first that can be had")
    second = flowexport.load(other.path, device="cpu")
    assert second.engine.name == "onnxruntime"
    assert "evaluator on cpu cannot: evaluator: cannot run what is called other" in second.engine.why
    named = flowexport.load(plain.path, device="cpu", engine="onnxruntime").engine
    assert named.why == "asked for by name"
    assert repr(named) == "<ONNX Runtime on cpu: asked for by name>"


@pytest.mark.skipif(cuda_fault(0) is None, reason="there is a GPU here: nothing is passed over")
def test_a_gpu_that_was_passed_over_is_told_with_the_reason(plain: Exported) -> None:
    assert "onnxruntime on cuda:0 cannot: device cuda:0 cannot be had" in flowexport.load(plain.path).engine.why


@pytest.mark.usefixtures("joined")
def test_an_engine_asked_for_by_name_is_had_or_refused(plain: Exported, other: Exported) -> None:
    with pytest.raises(EngineError, match="cannot run what is called other"):
        flowexport.load(other.path, engine="evaluator")
    with pytest.raises(EngineError, match="engine evaluator: does not run on device cuda"):
        flowexport.load(plain.path, device="cuda", engine="evaluator")
    for wrong in ("onnx", "", "AUTO"):
        with pytest.raises(ArgumentError, match="engine: expected auto or evaluator or onnxruntime, got"):
            flowexport.load("there is no such bundle", engine=wrong)


@pytest.mark.usefixtures("joined")
def test_a_pickled_model_keeps_its_engine(plain: Exported) -> None:
    model = flowexport.load(plain.path, threads=3, engine="evaluator")
    again = pickle.loads(pickle.dumps(model))
    assert (again.engine.name, again.workers.threads) == ("evaluator", 1)


@pytest.mark.usefixtures("joined")
def test_an_engine_that_runs_elsewhere_than_it_says_fails_its_proof(
    plain: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Evaluator, "lied", "somewhere else")
    report = flowexport.verify(plain.path, engine="evaluator")
    assert [check.name for check in report.failures] == ["device"]


@pytest.mark.usefixtures("joined")
def test_a_tensor_on_a_gpu_is_refused_by_an_engine_that_does_not_reach_it(plain: Exported) -> None:
    tensor = type("Tensor", (), {"__dlpack_device__": lambda self: (2, 0)})()
    with pytest.raises(InputError, match="x: is on cuda:0, the model on cpu"):
        flowexport.load(plain.path, engine="evaluator").log_prob(tensor)


@pytest.mark.usefixtures("joined")
@pytest.mark.parametrize(
    "verb", [["verify", "--json"], ["score", "rows.csv"], ["sample", "-n", "3"], ["bench", "--rows", "1"]]
)
def test_verbs_take_an_engine(verb: list[str], plain: Exported, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("x0,x1\n1,2\n")
    name, *others = verb
    others += ["--seconds", "0.001", "--threads", "1", "--json"] if name == "bench" else []
    taken: list[Engine] = []
    monkeypatch.setattr(Evaluator, "__init__", noted(Evaluator.__init__, taken))
    done = CliRunner().invoke(main, [name, str(plain.path), *others, "--engine", "evaluator"])
    assert done.exit_code == 0, done.output
    assert taken
    if name == "bench":
        assert json.loads(done.stdout)["bundle"]["runs_on"] == "the evaluator of onnx"
    wrong = CliRunner().invoke(main, [name, str(plain.path), *others, "--engine", "abacus"])
    assert (wrong.exit_code, len(wrong.stderr.splitlines())) == (2, 1)


def noted(make: Any, taken: list[Engine]) -> Any:
    def noting(self: Engine, *given: Any) -> None:
        taken.append(self)
        make(self, *given)

    return noting


def test_a_session_on_a_gpu_that_fails_gives_way_where_the_device_is_left_open(
    plain: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that is there, and libraries that are not."""

    def broken(*given: Any) -> NoReturn:
        raise DeviceError("device cuda:0 cannot be had: no cuDNN")

    monkeypatch.setattr(
        engines, "ENGINES", (Row("onnxruntime", "cuda", broken), Row("onnxruntime", "cpu", OnnxRuntime))
    )
    bundle = flowexport.load(plain.path, device="cpu").bundle
    assert "no cuDNN" in open_engine(bundle).why
    with pytest.raises(DeviceError, match="no cuDNN"):
        open_engine(bundle, device="cuda")
