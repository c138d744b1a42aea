"""What Triton's Python backend runs, by itself: requests in, answers out, with Triton's module stood in for.

`test_triton_server.py` holds it to the real one, where that takes minutes.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2

import flowexport
from flowexport.cli.main import main


@dataclass
class Tensor:
    name: str
    data: np.ndarray

    def as_numpy(self) -> np.ndarray:
        return self.data


@dataclass
class TritonError:
    INVALID_ARG = 3

    message: str
    code: int


@dataclass
class InferenceResponse:
    tensors: list[Tensor] | None = None
    error: TritonError | None = None


def get_input_tensor_by_name(request: list[Tensor], name: str) -> Tensor:
    return next(tensor for tensor in request if tensor.name == name)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    stand_in = SimpleNamespace(
        Tensor=Tensor,
        TritonError=TritonError,
        InferenceResponse=InferenceResponse,
        get_input_tensor_by_name=get_input_tensor_by_name,
    )
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", stand_in)
    yield importlib.import_module("flowexport.deploy.triton_python")
    del sys.modules["flowexport.deploy.triton_python"]


def started(backend: ModuleType, repository: Path, model: str) -> Any:
    """The model as Triton makes it, from what `deploy triton` wrote."""
    text = (repository / model / "config.pbtxt").read_text(encoding="utf-8")
    config = json_format.MessageToDict(
        text_format.Parse(text, model_config_pb2.ModelConfig()), preserving_proto_field_name=True
    )
    running = backend.TritonPythonModel()
    running.initialize(
        {
            "model_config": json.dumps(config),
            "model_repository": str(repository / model),
            "model_version": "1",
            "model_instance_kind": "CPU",
            "model_instance_device_id": "0",
        }
    )
    return running


def tensors(**arrays: np.ndarray) -> list[Tensor]:
    return [Tensor(name, array) for name, array in arrays.items()]


@pytest.mark.parametrize("name", ["banana", "diamonds"])
def test_requests_are_answered_each_and_a_wrong_one_alone(backend: ModuleType, tmp_path: Path, name: str) -> None:
    made = CliRunner().invoke(main, ["deploy", "triton", name, "-o", str(tmp_path), "--backend", "python"])
    assert made.exit_code == 0, made.output
    model = flowexport.load(name, device="cpu")
    given: dict[str, np.ndarray] = {}
    if model.context_size:
        given["context"] = np.array([[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]], np.float32)
    z = np.random.default_rng(0).normal(size=(4, model.latent_size)).astype(np.float32)

    def cut(begin: int, end: int, **rows: np.ndarray) -> list[Tensor]:
        return tensors(**{key: rows[key][begin:end] for key in rows})

    sampler = started(backend, tmp_path, f"{name}_sample")
    answers = sampler.execute([cut(0, 1, z=z, **given), cut(1, 4, z=z, **given)])
    found = np.concatenate([answer.tensors[0].data for answer in answers])
    x = model.sample_from(z, given.get("context"))
    np.testing.assert_array_equal(found, x)

    scorer = started(backend, tmp_path, f"{name}_log_prob")
    wrong = cut(0, 2, x=np.full_like(x, np.nan), **given)
    first, refused, last = scorer.execute([cut(0, 1, x=x, **given), wrong, cut(1, 4, x=x, **given)])
    assert refused == InferenceResponse(error=TritonError("x: holds NaN", TritonError.INVALID_ARG))
    expected = model.log_prob(x, given.get("context"))
    for answer, part in ((first, expected[:1]), (last, expected[1:])):
        by_name = {tensor.name: tensor.data for tensor in answer.tensors}
        np.testing.assert_allclose(by_name["log_prob"], part, rtol=1e-5)
        if "percentile" in by_name:
            np.testing.assert_array_equal(by_name["percentile"], model.percentile(by_name["log_prob"]))
    assert scorer.execute([wrong])[0].error is not None
