"""Connections: pipelined, slow, half, broken, too large and too many; each has an end, and the others go on."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from unittest.mock import Mock

import numpy as np
import pytest

from flowexport.runtime import Model
from flowexport.serving.http import Connection, Exchange, Host
from flowexport.serving.settings import Limits
from tests.serving.processes import Process, raw, served

BODY = json.dumps({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [0.5, 1]}]}).encode()


def post(body: bytes = BODY, *headers: str, model: str = "banana_log_prob") -> bytes:
    lines = [f"POST /v2/models/{model}/infer HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answers(received: bytes) -> list[tuple[int, dict[str, object]]]:
    """Status and JSON of each answer in what came."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        if head.endswith(b"100 Continue"):
            received = rest
            continue
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        found.append((int(head.split()[1]), json.loads(rest[:size])))
        received = rest[size:]
    return found


def test_a_burst_on_one_connection_is_answered_in_order(server: Process, banana: Model) -> None:
    x = np.random.default_rng(1).normal(size=(200, 2)).astype(np.float32)
    sent = b""
    for at, row in enumerate(x.astype(float).tolist()):
        data = ["NaN", 0] if at % 10 == 3 else row
        tensor = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": data}
        last = ["Connection: close"] if at == 199 else []
        sent += post(json.dumps({"id": str(at), "inputs": [tensor]}).encode(), *last)
    found = answers(raw(server.port, sent))
    assert len(found) == 200
    expected = banana.log_prob(x)
    for at, (status, answer) in enumerate(found):
        if at % 10 == 3:
            assert (status, answer["code"]) == (400, "missing_value")
        else:
            assert (status, answer["id"]) == (200, str(at))
            # What one row gives depends in its last bits on the rows beside it.
            assert answer["outputs"][0]["data"][0] == pytest.approx(float(expected[at]), abs=1e-4, rel=1e-5)


def test_a_body_in_chunks_and_one_that_waits_to_be_asked_for(server: Process) -> None:
    head = b"POST /v2/models/banana_log_prob/infer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:10], BODY[10:])) + b"0\r\n\r\n"
    assert answers(raw(server.port, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks))[0][0] == 200
    received = raw(server.port, post(BODY, "Expect: 100-continue", "Connection: close"))
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert answers(received)[0][0] == 200


def test_a_wish_for_another_protocol_is_passed_over(server: Process) -> None:
    # Java's client asks every server for HTTP/2 like this.
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAA")
    found = answers(raw(server.port, post(BODY, *upgrade) + post(BODY, "Connection: close")))
    assert [status for status, _ in found] == [200, 200]
    lines = ["POST /v2/models/banana_log_prob/infer HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", *upgrade]
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    sent = "\r\n".join([*lines, "", ""]).encode() + chunked
    assert [status for status, _ in answers(raw(server.port, sent + post(BODY, "Connection: close")))] == [200, 200]
    assert answers(raw(server.port, b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n"))[0][0] == 405


def test_a_client_that_has_sent_all_is_still_answered(server: Process) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(post())
        client.shutdown(socket.SHUT_WR)
        received = b""
        while part := client.recv(4096):
            received += part
    assert answers(received)[0][0] == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"this is not HTTP\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (post(BODY, "Transfer-Encoding: chunked"), 400),
        (b"POST /v2/models/banana_log_prob/infer HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST /v2 HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n", 413),
        (b"GET /v2 HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000, 431),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET /v2 HTTP/1.1\r\n" + b"X: x\r\n" * 5000 + b"\r\n", 431),
    ],
    ids=["no HTTP", "TLS", "two lengths", "a negative length", "a body", "a header", "an address", "headers"],
)
def test_what_is_refused_before_it_is_whole(server: Process, sent: bytes, status: int) -> None:
    ((found, answer),) = answers(raw(server.port, sent))
    assert found == status
    assert answer["error"]
    assert server.request("GET", "/v2/health/live")[0] == 200


@pytest.fixture(scope="module")
def short() -> Iterator[Process]:
    """A server that waits for nobody for more than half a second, and has eight connections."""
    limits = (
        "--head-timeout",
        "0.5",
        "--body-timeout",
        "0.5",
        "--idle-timeout",
        "0.5",
        "--max-connections",
        "8",
        "--max-held",
        "1",
    )
    with served("banana", *limits) as process:
        yield process


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        (b"", []),
        (b"GET /v2 HTT", [408]),
        (post()[:-3], [408]),
        (post(), [200]),
        (post() + b"GET /v2 HTT", [200, 408]),
        (post() + post()[:-3], [200, 408]),
    ],
    ids=["silence", "half a head", "half a body", "idle after an answer", "half a head behind", "half a body behind"],
)
def test_deadlines(short: Process, sent: bytes, statuses: list[int]) -> None:
    began = time.monotonic()
    found = answers(raw(short.port, sent, 30))
    assert [status for status, _ in found] == statuses
    assert time.monotonic() - began < 20


def test_half_a_head_after_an_answer_has_a_deadline_too(short: Process) -> None:
    with socket.create_connection(("127.0.0.1", short.port), timeout=20) as client:
        client.sendall(post())
        received = client.recv(65536)
        client.sendall(b"GET /v2 HTT")
        while part := client.recv(65536):
            received += part
    assert [status for status, _ in answers(received)] == [200, 408]


def test_a_last_answer_that_is_taken_slowly_keeps_its_deadline() -> None:
    handled: list[Exchange] = []
    host = Mock(spec=Host, limits=Limits(), connections=set(), held_bytes=0, draining=False, common_head=b"")
    host.configure_mock(log_requests=False, handle=handled.append)
    transport = Mock(spec=asyncio.Transport)
    transport.is_closing.return_value = False
    connection = Connection(host, Mock(time=lambda: 0.0))
    connection.connection_made(transport)
    connection.data_received(b"GET /v2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    transport.write.side_effect = lambda _: connection.pause_writing()
    handled[0].send(200, b"{}")
    # What is buffered drains in part while the transport closes, and the client takes no more.
    connection.resume_writing()
    connection.close_over(Limits().idle_seconds + 1)
    transport.abort.assert_called_once_with()


def test_an_answer_says_whether_it_is_the_last(server: Process) -> None:
    first, last = raw(server.port, post() + post(BODY, "Connection: close")).split(b"HTTP/1.1 200 OK")[1:]
    assert b"connection: close" not in first
    assert b"\r\nconnection: close\r\n" in last


def test_bytes_that_come_one_by_one_do_not_move_a_deadline(short: Process) -> None:
    with socket.create_connection(("127.0.0.1", short.port), timeout=30) as client:
        received = b""
        client.settimeout(0.1)
        for _ in range(100):
            try:
                client.sendall(b"G")
                received += (part := client.recv(4096))
                if not part:
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("the server took a byte at a time for ten seconds")


def test_a_connection_too_many_is_told_to_come_back(short: Process) -> None:
    open_ones = [socket.create_connection(("127.0.0.1", short.port)) for _ in range(8)]
    try:
        ((status, answer),) = answers(raw(short.port, b""))
        assert (status, answer["code"]) == (503, "busy")
    finally:
        for each in open_ones:
            each.close()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if short.request("GET", "/v2/health/live")[0] == 200:
            return
    pytest.fail("the connections that ended still count")


def test_bodies_together_are_held_to_a_limit_and_let_go(short: Process) -> None:
    half = post(bytes(900_000))[:-10]
    first = socket.create_connection(("127.0.0.1", short.port))
    first.sendall(half)
    time.sleep(0.2)
    ((status, answer),) = answers(raw(short.port, half))
    assert (status, answer["code"]) == (503, "busy")
    first.close()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if [status for status, _ in answers(raw(short.port, half))] == [408]:
            return
        time.sleep(0.1)
    pytest.fail("bodies that are gone still count")
