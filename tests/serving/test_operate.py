"""Operating a server: counts, documents, tokens, TLS, CORS, logs, and several processes at one address."""

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tritonclient.grpc
import tritonclient.http
import tritonclient.utils

from tests.serving.processes import Process, served
from tests.serving.test_infer import X, x_tensor
from tests.serving.test_lifetime import copy_of, expected_of

TOKEN = "a-token-of-many-characters"


def text_of(
    server: Process, path: str, method: str = "GET", **headers: str
) -> tuple[int, http.client.HTTPMessage, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    return response.status, response.headers, response.read().decode()


def metric(server: Process, line: str) -> float:
    found = re.search(rf"^{re.escape(line)} (\S+)$", text_of(server, "/metrics")[2], re.MULTILINE)
    assert found is not None, line
    return float(found[1])


def test_metrics_count_what_was_answered_and_refused(server: Process) -> None:
    lines = {
        'flowexport_requests_total{model="banana_log_prob"}': 3,
        'flowexport_rows_total{model="banana_log_prob"}': 21,
        'flowexport_requests_refused_total{model="banana_log_prob"}': 1,
        'flowexport_refusals_total{code="unknown_output"}': 1,
        'flowexport_refusals_total{code="unknown_model"}': 1,
        'flowexport_request_seconds_count{model="banana_log_prob"}': 3,
        'flowexport_batch_requests_bucket{le="1.0",model="banana_log_prob"}': 3,
        'nv_inference_request_success{model="banana_log_prob",version="1"}': 3,
        'nv_inference_count{model="banana_log_prob",version="1"}': 21,
    }
    before = {line: metric(server, line) for line in lines}
    for _ in range(3):
        server.infer("banana_log_prob", {"inputs": [x_tensor()]})
    server.infer("banana_log_prob", {"inputs": [x_tensor()], "outputs": [{"name": "y"}]})
    server.infer("a_model_of_a_client_s_own_making", {"inputs": [x_tensor()]})
    assert {line: metric(server, line) - before[line] for line in lines} == lines
    text = text_of(server, "/metrics")[2]
    assert "own_making" not in text
    assert 'flowexport_request_seconds_bucket{le="5e-05",model="banana_sample"}' in text


def test_statistics_and_configuration(server: Process) -> None:
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        before = client.get_inference_statistics("banana_log_prob")["model_stats"][0]
        server.infer("banana_log_prob", {"inputs": [x_tensor()]})
        after = client.get_inference_statistics("banana_log_prob", "1")["model_stats"][0]
        assert after["inference_count"] - before["inference_count"] == len(X)
        assert after["inference_stats"]["success"]["count"] - before["inference_stats"]["success"]["count"] == 1
        assert time.time() * 1000 - after["last_inference"] < 60_000
        assert len(client.get_inference_statistics()["model_stats"]) == 4
        config = client.get_model_config("diamonds_log_prob")
        assert config["input"][1] == {"name": "context", "data_type": "TYPE_FP32", "dims": [3]}
        assert config["output"] == [
            {"name": "log_prob", "data_type": "TYPE_FP32", "dims": [1], "reshape": {"shape": []}}
        ]
        index = client.get_model_repository_index()
        assert {"name": "banana_sample", "version": "1", "state": "READY", "reason": ""} in index
    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as client:
        assert client.get_model_config("banana_sample").config.input[0].name == "z"
        assert client.get_inference_statistics("banana_sample").model_stats[0].name == "banana_sample"
        assert len(client.get_model_repository_index().models) == 4


def test_openapi_describes_the_models_with_an_example_that_works(server: Process) -> None:
    document = json.loads(text_of(server, "/openapi.json")[2])
    post = document["paths"]["/v2/models/banana_log_prob/infer"]["post"]
    example = post["requestBody"]["content"]["application/json"]["example"]
    assert server.infer("banana_log_prob", example)[0] == 200
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert references == set(document["components"]["schemas"])


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Path]]:
    """A server with a token, a page's origin, and a log of every request; and its bundle."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "token").write_text(TOKEN + "\n")
    path = copy_of("banana", folder / "m")
    words = ("--token-file", str(folder / "token"), "--cors", "https://page.example", "--log-json", "--log-requests")
    log = (folder / "log").open("w")
    with served(f"m={path}", "--grpc-port", "0", *words, stderr=log) as process:
        yield process, folder


def test_without_its_token_nothing_but_health_is_answered(guarded: tuple[Process, Path]) -> None:
    server, _ = guarded
    for path in ("/v2", "/v2/models/m_sample", "/metrics", "/openapi.json"):
        assert server.request("GET", path)[0] == 401
        assert server.request("GET", path, Authorization=f"Bearer {TOKEN}x")[0] == 401
    status, headers, _ = text_of(server, "/v2")
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert server.infer("m_log_prob", {"inputs": [x_tensor()]})[0] == 401
    assert server.infer("m_log_prob", {"inputs": [x_tensor()]}, Authorization=f"Bearer {TOKEN}")[0] == 200
    assert server.request("GET", "/v2/health/live")[0] == 200
    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as client:
        with pytest.raises(tritonclient.utils.InferenceServerException, match="UNAUTHENTICATED"):
            client.get_server_metadata()
        assert client.get_server_metadata({"authorization": f"Bearer {TOKEN}"}).name == "flowexport"


def test_models_are_unloaded_and_loaded_with_the_token(guarded: tuple[Process, Path]) -> None:
    server, folder = guarded
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        client.unload_model("m", headers=headers)
        assert {each["state"] for each in client.get_model_repository_index(headers=headers)} == {"UNAVAILABLE"}
        assert not client.is_model_ready("m_sample", headers=headers)
        graph = folder / "m" / "log_prob.onnx"
        whole = graph.read_bytes()
        graph.write_bytes(whole[:-1] + b"\0")
        with pytest.raises(tritonclient.utils.InferenceServerException, match="hash differs"):
            client.load_model("m_sample", headers=headers)
        graph.write_bytes(whole)
        client.load_model("m_sample", headers=headers)
        assert client.is_model_ready("m_log_prob", headers=headers)
        with pytest.raises(tritonclient.utils.InferenceServerException, match="there is no model"):
            client.load_model("etc", headers=headers)
    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as client:
        client.unload_model("m", headers={"authorization": f"Bearer {TOKEN}"})
        client.load_model("m", headers={"authorization": f"Bearer {TOKEN}"})
        assert client.is_model_ready("m_sample", headers={"authorization": f"Bearer {TOKEN}"})


def test_without_a_token_of_its_own_a_server_loads_for_nobody(server: Process) -> None:
    for verb in ("load", "unload"):
        status, answer = server.request("POST", f"/v2/repository/models/banana/{verb}", b"")
        assert (status, answer["code"]) == (403, "not_allowed")


def test_pages_of_other_origins_cannot_read(guarded: tuple[Process, Path], server: Process) -> None:
    allowed = "access-control-allow-origin"
    assert allowed not in text_of(server, "/v2", Origin="https://page.example")[1]
    own, _ = guarded
    assert text_of(own, "/v2/health/live", Origin="https://page.example")[1][allowed] == "https://page.example"
    assert allowed not in text_of(own, "/v2/health/live", Origin="https://other.example")[1]
    status, headers, _ = text_of(own, "/v2/models/m_log_prob/infer", "OPTIONS", Origin="https://page.example")
    assert (status, headers["access-control-allow-methods"]) == (204, "GET, HEAD, POST")


def test_every_request_is_in_the_log_with_its_id(guarded: tuple[Process, Path]) -> None:
    server, folder = guarded
    assert text_of(server, "/v2/health/live", X_Request_Id="abc-1")[1]["x-request-id"] == "abc-1"
    spoiled = text_of(server, "/v2/health/live", X_Request_Id='{"a b": 1}')[1]["x-request-id"]
    assert re.fullmatch("[0-9a-f]{16}", spoiled)
    lines = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    (found,) = [line for line in lines if line.get("request_id") == "abc-1"]
    assert (found["method"], found["target"], found["status"]) == ("GET", "/v2/health/live", 200)
    assert any(line.get("request_id") == spoiled for line in lines)


@pytest.mark.slow
def test_tls(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(words, check=True, capture_output=True)
    with served(
        "banana", "--tls-cert", str(certificate), "--tls-key", str(key), "--grpc-port", "0", wait=False
    ) as server:
        context = ssl.create_default_context(cafile=certificate)
        connection = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=20)
        connection.request("POST", "/v2/models/banana_log_prob/infer", json.dumps({"inputs": [x_tensor()]}))
        assert connection.getresponse().status == 200
        plain = http.client.HTTPConnection("localhost", server.port, timeout=20)
        plain.request("GET", "/v2")
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            plain.getresponse()
        address = f"localhost:{server.grpc_port}"
        with tritonclient.grpc.InferenceServerClient(address, ssl=True, root_certificates=str(certificate)) as client:
            assert client.is_server_ready()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tls-cert", "nothing.pem"], "go together"),
        (["--tls-cert", "nothing.pem", "--tls-key", "nothing.pem"], "nothing.pem"),
        (["--token-file", "nothing"], "cannot be read"),
    ],
)
def test_what_cannot_guard_is_said(words: list[str], said: str) -> None:
    command = [sys.executable, "-m", "flowexport", "serve", "banana", "--port", "0", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def pids_of_workers(server: Process) -> list[int]:
    text = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    return [int(each) for each in text.split()]


@pytest.mark.slow
def test_workers_share_an_address_count_together_and_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    words = ("--workers", "2", "--drain", "0", "--token-file", str(tmp_path / "token"))
    bearer: dict[str, Any] = {"Authorization": f"Bearer {TOKEN}"}
    with served("m=banana", *words) as server:
        until = time.monotonic() + 30
        for _ in range(40):
            assert server.infer("m_log_prob", {"inputs": [x_tensor()]}, **bearer)[0] == 200
        found = re.search(r'requests_total\{model="m_log_prob"\} (\S+)', text_of(server, "/metrics", **bearer)[2])
        assert found is not None
        assert float(found[1]) == 40
        # What one worker was told, all do.
        assert server.request("POST", "/v2/repository/models/m/unload", b"", **bearer)[0] == 200
        time.sleep(1)
        assert {server.infer("m_log_prob", {"inputs": []}, **bearer)[0] for _ in range(20)} == {404}
        assert server.request("POST", "/v2/repository/models/m/load", b"", **bearer)[0] == 200
        # One that is killed is replaced.
        first, second = pids_of_workers(server)
        os.kill(first, signal.SIGKILL)
        while len(now := pids_of_workers(server)) < 2 or first in now:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert second in now
        assert server.stop() == 0


@pytest.mark.slow
def test_a_worker_that_cannot_start_ends_the_server_with_its_reason() -> None:
    command = [sys.executable, "-m", "flowexport", "serve", "banana", "--port", "0", "--workers", "2"]
    done = subprocess.run([*command, "--device", "cuda:7"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "cuda:7" in done.stderr


def test_the_model_is_the_one_that_was_named(guarded: tuple[Process, Path]) -> None:
    server, _ = guarded
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [0.5, 1]}
    status, answer = server.infer("m_log_prob", {"inputs": [tensor]}, Authorization=f"Bearer {TOKEN}")
    assert status == 200
    assert answer["outputs"][0]["data"][0] == pytest.approx(expected_of("banana"), abs=1e-4)
