"""Minutes of everything at once, and ten thousand requests that are not quite right."""

import contextlib
import json
import random
import socket
from collections.abc import Iterator

import grpc
import numpy as np
import pytest

from benchmarks.soak import soak
from flowexport.serving.proto import INFERENCE, messages
from tests.serving.processes import Process, served
from tests.serving.test_http import BODY, post
from tests.serving.test_infer import binary

SPLICES = [
    b"null", b"-1", b"1e999", b"NaN", b'"', b"[", b"]", b"{", b"}", b",", b"0" * 40, b"9" * 40, b"\\ud800", b"true",
    b"\r\n", b"\r\n\r\n", b"\0", b"\xff", b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n", b"2" * 20,
]  # fmt: skip
HTTP, GRPC = 8000, 2000


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A message with one to three things wrong with it."""
    for _ in range(chance.randint(1, 3)):
        at, size = chance.randrange(len(data) + 1), chance.choice((1, 2, 8, 40))
        kind = chance.randrange(5)
        if kind == 0 and data:
            at = min(at, len(data) - 1)
            data = data[:at] + bytes((data[at] ^ (1 << chance.randrange(8)),)) + data[at + 1 :]
        elif kind == 1:
            data = data[:at] + data[at + size :]
        elif kind == 2:
            data = data[:at] + data[at : at + size] * 2 + data[at + size :]
        elif kind == 3:
            data = data[:at] + chance.choice(SPLICES) + data[at:]
        else:
            data = data[:at] + chance.randbytes(size) + data[at:]
    return data


@pytest.fixture(scope="module")
def impatient() -> Iterator[Process]:
    waits = ("--head-timeout", "0.3", "--body-timeout", "0.3", "--idle-timeout", "0.3", "--max-rows", "10000")
    with served("banana", "diamonds", "--grpc-port", "0", *waits) as process:
        yield process


def heard(port: int, sent: bytes) -> bytes:
    """What comes back to a client that says no more."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
        parts = []
        with contextlib.suppress(ConnectionError):
            while part := client.recv(65536):
                parts.append(part)
        return b"".join(parts)


@pytest.mark.slow
def test_mutated_requests_get_no_500_and_hang_and_crash_nothing(impatient: Process) -> None:
    chance = random.Random(14)
    x = np.ones((3, 2), np.float32)
    body, size = binary([("x", "FP32", x, [3, 2])])
    context = {"name": "context", "datatype": "BYTES", "shape": [1, 3], "data": ["Ideal", "E", "VS1"]}
    rows = {"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [1, 60, 55, 3000]}
    draw = {"inputs": [context], "parameters": {"num_samples": 2, "seed": 3, "temperature": 0.5}}
    bodies = [
        ("banana_log_prob", BODY, []),
        ("banana_log_prob", body, [f"Inference-Header-Content-Length: {size}"]),
        ("diamonds_log_prob", json.dumps({"inputs": [rows, context]}).encode(), []),
        ("diamonds_sample", json.dumps(draw).encode(), []),
    ]
    statuses: dict[bytes, int] = {}
    for turn in range(HTTP):
        model, whole, headers = chance.choice(bodies)
        if turn % 2:
            sent = mutated(post(whole, *headers, "Connection: close", model=model), chance)
        else:
            sent = post(mutated(whole, chance), *headers, "Connection: close", model=model)
        answer = heard(impatient.port, sent)
        status = answer[9:12]
        statuses[status] = statuses.get(status, 0) + 1
        assert not answer or answer.startswith(b"HTTP/1.1 "), (turn, sent, answer)
        assert status not in (b"500", b"502"), (turn, sent, answer)
        if turn % 500 == 0:
            assert impatient.infer("banana_log_prob", BODY)[0] == 200
    assert statuses[b"400"] > HTTP / 4, statuses
    assert statuses[b"200"] > HTTP / 100, statuses


@pytest.mark.slow
def test_mutated_calls_get_no_internal_error(impatient: Process) -> None:
    chance = random.Random(15)
    request = messages(INFERENCE)["ModelInferRequest"](model_name="banana_log_prob")
    request.inputs.add(name="x", datatype="FP32", shape=[3, 2])
    request.raw_input_contents.append(np.ones((3, 2), np.float32).tobytes())
    whole = request.SerializeToString()
    codes = set()
    with grpc.insecure_channel(f"127.0.0.1:{impatient.grpc_port}") as channel:
        call = channel.unary_unary(f"/{INFERENCE}.GRPCInferenceService/ModelInfer")
        for _ in range(GRPC):
            try:
                call(mutated(whole, chance), timeout=20)
            except grpc.RpcError as error:
                codes.add(error.code().name)
        call(whole, timeout=20)
    assert codes <= {"INVALID_ARGUMENT", "NOT_FOUND", "OUT_OF_RANGE"}


@pytest.mark.slow
def test_a_soak_loses_no_answer_and_gets_none_wrong() -> None:
    found = soak(30)
    assert found.verdict() == []
    for kind in ("JSON", "binary", "gRPC", "bad", "vanished", "slow"):
        assert found.counts[kind] > 0, found.counts
    assert found.counts["replaced"] >= 2
    assert found.counts["SIGHUP"] == 2
