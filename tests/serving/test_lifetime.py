"""From the start of a server to its end, and bundles that change meanwhile."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import flowexport
from flowexport.bundle import zoo_names
from tests.serving.processes import Process, served
from tests.serving.test_http import answers, post


def copy_of(name: str, target: Path) -> Path:
    """A zoo model's bundle somewhere else."""
    shutil.copytree(flowexport.load(name, device="cpu").bundle.path, target)
    return target


def density(server: Process, model: str = "m_log_prob") -> float:
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [0.5, 1]}
    status, answer = server.infer(model, {"inputs": [tensor]})
    assert status == 200
    return float(answer["outputs"][0]["data"][0])


def eventually(server: Process, expected: float) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if density(server) == pytest.approx(expected, abs=1e-4):
            return True
        time.sleep(0.05)
    return False


def expected_of(name: str) -> float:
    return float(flowexport.load(name, device="cpu").log_prob(np.array([0.5, 1], np.float32)))


def test_after_sigterm_it_is_not_ready_answers_on_and_ends_with_0() -> None:
    with served("m=banana", "--drain", "1") as server:
        idle = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        server.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + 10
        while server.request("GET", "/v2/health/ready")[0] != 503:
            assert time.monotonic() < until
        assert server.request("GET", "/v2/health/live")[0] == 200
        idle.sendall(post(model="m_log_prob"))
        assert answers(idle.recv(65536))[0][0] == 200
        assert server.process.wait(20) == 0
        idle.close()


def test_what_was_accepted_is_finished() -> None:
    with served("m=banana", "--drain", "0") as server:
        body = json.dumps({"parameters": {"num_samples": 400_000, "seed": 1}}).encode()
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
            client.sendall(post(body, model="m_sample"))
            time.sleep(0.05)
            server.process.send_signal(signal.SIGTERM)
            received = b""
            while part := client.recv(1 << 20):
                received += part
        ((status, answer),) = answers(received)
        assert status == 200
        assert answer["outputs"][0]["shape"] == [400_000, 2]  # type: ignore[index]
        assert server.process.wait(20) == 0


def test_a_replaced_bundle_is_taken_and_a_faulty_one_is_not(tmp_path: Path) -> None:
    path = copy_of("banana", tmp_path / "model")
    with served(f"m={path}") as server:
        assert density(server) == pytest.approx(expected_of("banana"), abs=1e-4)
        shutil.rmtree(path)
        copy_of("moons", path)
        assert eventually(server, expected_of("moons"))
        graph = path / "log_prob.onnx"
        graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert density(server) == pytest.approx(expected_of("moons"), abs=1e-4)
        assert server.stop() == 0


def test_a_pinned_bundle_is_replaced_by_no_other(tmp_path: Path) -> None:
    path = copy_of("banana", tmp_path / "model")
    digest = flowexport.load("banana", device="cpu").bundle.sha256
    with (tmp_path / "log").open("w") as log, served(f"m={path}", "--digest", f"m={digest}", stderr=log) as server:
        assert density(server) == pytest.approx(expected_of("banana"), abs=1e-4)
        path.rename(tmp_path / "before")
        copy_of("moons", path)
        server.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 20
        while "digest: expected" not in (tmp_path / "log").read_text():
            assert time.monotonic() < until
            time.sleep(0.05)
        assert density(server) == pytest.approx(expected_of("banana"), abs=1e-4)
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing/here"], "nothing/here"),
        (["banana", "banana"], "NAME="),
        (["banana", "--host", "192.0.2.1"], "192.0.2.1"),
        (["a b=banana"], "a name is of"),
        (["banana", "--digest", "0" * 64], "digest: expected 000000000000"),
        (["banana", "moons", "--digest", "0" * 64], "expected NAME=HEX, with a NAME of banana, moons"),
        (["banana", "--digest", "m=" + "0" * 64], "expected NAME=HEX, with a NAME of banana"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_line(words: list[str], said: str) -> None:
    command = [sys.executable, "-m", "flowexport", "serve", *words, "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_bundle_that_fails_its_proof_is_not_served(tmp_path: Path) -> None:
    assert "banana" in zoo_names()
    path = copy_of("banana", tmp_path / "model")
    manifest = json.loads((path / "flow.json").read_text())
    # The graph of another model, with its right hash: what only the numbers tell.
    other = flowexport.load("moons", device="cpu").bundle
    (path / "log_prob.onnx").write_bytes(other.read("log_prob.onnx"))
    manifest["files"]["log_prob.onnx"] = other.manifest.files["log_prob.onnx"]
    (path / "flow.json").write_text(json.dumps(manifest))
    command = [sys.executable, "-m", "flowexport", "serve", str(path), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "parity" in done.stderr
