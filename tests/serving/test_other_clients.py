"""Clients that cannot live in the tests' environment, each in one of its own: KServe's SDK and MLServer's command."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flowexport.runtime import Model
from tests.serving.processes import Process

ROOT = Path(__file__).resolve().parents[2]
X = [[0.5, 1.0], [2.0, 3.0]]


def environment(package: str) -> Path:
    """The bin folder of an environment that has a package, made where it is not there.

    It is skipped where no package can be had, with the reason of the installer.
    """
    folder = ROOT / f".venv-{package}"
    if not (folder / "bin" / "installed").exists():
        uv = Path(sys.executable).with_name("uv")
        # ONNX Runtime is for benchmarks/serving.py, which has the kserve SDK serve.
        install = ["pip", "install", "--python", folder / "bin" / "python", package, "onnxruntime"]
        for words in (["venv", "--clear", folder], install):
            done = subprocess.run([uv, *words], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"{package} cannot be installed: {done.stderr.strip().splitlines()[-1]}")
        (folder / "bin" / "installed").touch()
    return folder / "bin"


@pytest.mark.slow
def test_kserve(server: Process, banana: Model) -> None:
    python = environment("kserve") / "python"
    words = [python, Path(__file__).with_name("kserve_client.py"), str(server.port), str(server.grpc_port)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    for form in ("json", "binary", "grpc contents", "grpc raw"):
        np.testing.assert_allclose(found.pop(form), banana.log_prob(X), atol=1e-6)
    assert found == {f"{way}{what}": True for way in ("", "grpc ") for what in ("live", "ready", "model")}


@pytest.mark.slow
def test_mlserver(server: Process, banana: Model, tmp_path: Path) -> None:
    asked, answered = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    tensors = [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": row} for row in X]
    asked.write_text("".join(json.dumps({"inputs": [tensor]}) + "\n" for tensor in tensors))
    words = [environment("mlserver") / "mlserver", "infer", "-u", f"127.0.0.1:{server.port}", "-m", "banana_log_prob"]
    subprocess.run([*words, "-i", asked, "-o", answered], capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in answered.read_text().splitlines()]
    answers.sort(key=lambda answer: answer["parameters"]["batch_index"])
    found = [answer["outputs"][0]["data"][0] for answer in answers]
    np.testing.assert_allclose(found, banana.log_prob(X), atol=1e-6)
