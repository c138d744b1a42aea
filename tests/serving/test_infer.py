"""Inference in JSON and in binary: the runtime's own numbers, and every other request refused by its reason."""

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest

from flowexport.runtime import Model
from flowexport.serving.encoding import decoded
from flowexport.serving.refusal import Refusal
from tests.serving.processes import Process

X = np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)


def x_tensor(rows: np.ndarray = X, **changes: Any) -> dict[str, Any]:
    tensor = {"name": "x", "shape": list(rows.shape), "datatype": "FP32", "data": rows.astype(float).ravel().tolist()}
    return tensor | changes


def numbers(document: Any) -> np.ndarray:
    (output,) = document["outputs"]
    return np.array([float(value) for value in output["data"]], np.float32).reshape(output["shape"])


def binary(tensors: list[tuple[str, str, np.ndarray | bytes, list[int]]], **more: Any) -> tuple[bytes, str]:
    """A body in the binary form, and the header that says how much of it is JSON."""
    inputs, data = [], b""
    for name, datatype, values, shape in tensors:
        part = values if isinstance(values, bytes) else values.tobytes()
        inputs.append(
            {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": len(part)}}
        )
        data += part
    head = json.dumps({"inputs": inputs} | more).encode()
    return head + data, str(len(head))


@pytest.mark.parametrize("rows", [0, 1, 7])
@pytest.mark.parametrize("nested", [False, True])
def test_log_prob_is_the_runtimes(server: Process, banana: Model, rows: int, nested: bool) -> None:
    data = X[:rows].astype(float).tolist() if nested else X[:rows].astype(float).ravel().tolist()
    status, answer = server.infer("banana_log_prob", {"id": "q", "inputs": [x_tensor(X[:rows], data=data)]})
    assert (status, answer["id"], answer["model_name"]) == (200, "q", "banana_log_prob")
    np.testing.assert_array_equal(numbers(answer), banana.log_prob(X[:rows]))


def test_sample_takes_latents(server: Process, banana: Model) -> None:
    status, answer = server.infer("banana_sample", {"inputs": [x_tensor(name="z")]})
    assert status == 200
    np.testing.assert_array_equal(numbers(answer), banana.sample_from(X))


@pytest.mark.parametrize("seed", [5, "9223372036854775813"])
def test_sample_draws_from_a_seed(server: Process, banana: Model, seed: int | str) -> None:
    parameters = {"num_samples": 3, "seed": seed, "temperature": 0.5}
    status, answer = server.infer("banana_sample", {"parameters": parameters})
    assert (status, answer["parameters"]) == (200, {"seed": str(seed)})
    np.testing.assert_array_equal(numbers(answer), banana.sample(3, seed=int(seed), temperature=0.5))


def test_a_seed_that_the_server_drew_draws_the_same_again(server: Process) -> None:
    first, second = (server.infer("banana_sample", {"parameters": {"num_samples": 2}})[1] for _ in range(2))
    assert first["outputs"] != second["outputs"]
    again = server.infer("banana_sample", {"parameters": {"num_samples": 2} | first["parameters"]})[1]
    assert again["outputs"] == first["outputs"]


@pytest.mark.parametrize("asked", ["by the output", "by the request"])
def test_binary_both_ways(server: Process, banana: Model, asked: str) -> None:
    import http.client

    more: dict[str, Any] = {"parameters": {"binary_data_output": True}}
    if asked == "by the output":
        more = {"outputs": [{"name": "log_prob", "parameters": {"binary_data": True}}]}
    body, size = binary([("x", "FP32", X, [7, 2])], **more)
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", "/v2/models/banana_log_prob/infer", body, {"Inference-Header-Content-Length": size})
    response = connection.getresponse()
    data = response.read()
    head = int(response.headers["Inference-Header-Content-Length"])
    assert json.loads(data[:head])["outputs"][0]["parameters"] == {"binary_data_size": 28}
    np.testing.assert_array_equal(np.frombuffer(data[head:], "<f4"), banana.log_prob(X))


def test_a_raw_body_is_the_one_input(server: Process, banana: Model) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    path = "/v2/models/banana_log_prob/infer"
    connection.request("POST", path, X.tobytes(), {"Inference-Header-Content-Length": "0"})
    response = connection.getresponse()
    data = response.read()
    head = int(response.headers["Inference-Header-Content-Length"])
    np.testing.assert_array_equal(np.frombuffer(data[head:], "<f4"), banana.log_prob(X))


def test_infinite_numbers_are_texts_both_ways(server: Process) -> None:
    tensor = x_tensor(X[:2], data=["-Infinity", 0.0, 1.0, 2.0])
    status, answer = server.infer("banana_log_prob", {"inputs": [tensor]})
    assert status == 200
    first, second = answer["outputs"][0]["data"]
    assert first == "-Infinity"
    assert np.isfinite(second)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("form", ["codes", "names of all columns", "columns by name", "one for all rows", "binary"])
def test_contexts(server: Process, diamonds: Model, form: str, rows: int) -> None:
    x = diamonds.sample(rows, context=["Ideal", "E", "VS1"], seed=1)
    names = [["Ideal", "E", "VS1"], ["Fair", "D", "I1"], ["Good", "J", "IF"]][:rows]
    expected = diamonds.log_prob(x, names)
    given: list[dict[str, Any]] = [{"name": "context", "datatype": "BYTES", "shape": [rows, 3], "data": names}]
    if form == "codes":
        codes = diamonds.context(names).tolist()
        given = [{"name": "context", "datatype": "FP32", "shape": [rows, 3], "data": codes}]
    elif form == "columns by name":
        columns = zip(("cut", "color", "clarity"), zip(*names, strict=True), strict=True)
        given = [{"name": name, "datatype": "BYTES", "shape": [rows], "data": list(cells)} for name, cells in columns]
    elif form == "one for all rows":
        given = [{"name": "context", "datatype": "BYTES", "shape": [1, 3], "data": names[0]}]
        expected = diamonds.log_prob(x, names[0])
    if form == "binary":
        cells = [cell.encode() for row in names for cell in row]
        packed = b"".join(len(cell).to_bytes(4, "little") + cell for cell in cells)
        body, size = binary([("x", "FP32", x, [rows, 4]), ("context", "BYTES", packed, [rows, 3])])
        status, answer = server.infer("diamonds_log_prob", body, Inference_Header_Content_Length=size)
    else:
        status, answer = server.infer("diamonds_log_prob", {"inputs": [x_tensor(x), *given]})
    assert status == 200, answer
    np.testing.assert_array_equal(numbers(answer), expected)


def test_samples_of_contexts_are_context_major(server: Process, diamonds: Model) -> None:
    names = [["Ideal", "E", "VS1"], ["Fair", "D", "I1"]]
    context = {"name": "context", "datatype": "BYTES", "shape": [2, 3], "data": names}
    body = {"inputs": [context], "parameters": {"num_samples": 2, "seed": 3}}
    status, answer = server.infer("diamonds_sample", body)
    assert status == 200
    np.testing.assert_array_equal(numbers(answer), diamonds.sample(2, names, seed=3))


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("identity", bytes),
    ],
)
def test_compressed_bodies(server: Process, banana: Model, encoding: str, compress: Any) -> None:
    body = compress(json.dumps({"inputs": [x_tensor()]}).encode())
    status, answer = server.infer("banana_log_prob", body, Content_Encoding=encoding)
    assert status == 200
    np.testing.assert_array_equal(numbers(answer), banana.log_prob(X))


HUGE = x_tensor(shape=[10**12, 2])
BAD: dict[str, tuple[Any, int, str]] = {
    "no JSON": (b"{", 400, "wrong_json"),
    "bare NaN": (b'{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[NaN,1]}]}', 400, "wrong_json"),
    "nested a million deep": (
        b'{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":' + b"[" * 10**6,
        400,
        "wrong_request",
    ),
    "a list": (b"[]", 400, "wrong_request"),
    "an id that is a number": ({"id": 3, "inputs": [x_tensor()]}, 400, "wrong_request"),
    "no inputs": ({"inputs": []}, 400, "missing_input"),
    "another name": ({"inputs": [x_tensor(name="y")]}, 400, "unknown_input"),
    "one name twice": ({"inputs": [x_tensor(), x_tensor()]}, 400, "wrong_request"),
    "an input too many": ({"inputs": [x_tensor(), x_tensor(name="context")]}, 400, "unknown_input"),
    "10¹² rows": ({"inputs": [HUGE]}, 400, "wrong_request"),
    "2 · 10⁹ rows": ({"inputs": [x_tensor(shape=[2 * 10**9, 2])]}, 413, "too_large"),
    "a million rows that are not there": ({"inputs": [x_tensor(shape=[10**6, 2])]}, 400, "wrong_shape"),
    "a negative shape": ({"inputs": [x_tensor(shape=[-1, 2])]}, 400, "wrong_request"),
    "another width": ({"inputs": [x_tensor(shape=[2, 7])]}, 400, "wrong_shape"),
    "no batch axis": ({"inputs": [x_tensor(X[:1], shape=[2])]}, 400, "wrong_shape"),
    "texts": ({"inputs": [x_tensor(data=["1"] * 14)]}, 400, "wrong_dtype"),
    "booleans": ({"inputs": [x_tensor(data=[True] * 14)]}, 400, "wrong_dtype"),
    "null": ({"inputs": [x_tensor(data=[None] * 14)]}, 400, "wrong_dtype"),
    "objects": ({"inputs": [x_tensor(data=[{}] * 14)]}, 400, "wrong_dtype"),
    "no data": ({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32"}]}, 400, "wrong_shape"),
    "NaN": ({"inputs": [x_tensor(data=["NaN"] * 14)]}, 400, "missing_value"),
    "an integer of a thousand digits": (
        b'{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,' + b"9" * 1000 + b"]}]}",
        400,
        "wrong_dtype",
    ),
    "another type": ({"inputs": [x_tensor(datatype="INT64")]}, 400, "wrong_dtype"),
    "another output": ({"inputs": [x_tensor()], "outputs": [{"name": "y"}]}, 400, "unknown_output"),
    "shared memory": (
        {"inputs": [x_tensor(data=None, parameters={"shared_memory_region": "a"})]},
        400,
        "wrong_shape",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_refused_by_its_reason(server: Process, case: str) -> None:
    body, status, code = BAD[case]
    found, answer = server.infer("banana_log_prob", body)
    assert (found, answer.get("code")) == (status, code), answer
    assert "\n" not in answer["error"]


BAD_SAMPLES: dict[str, tuple[Any, str]] = {
    "nothing": ({}, "missing_input"),
    "a negative number": ({"parameters": {"num_samples": -1}}, "wrong_argument"),
    "a half": ({"parameters": {"num_samples": 0.5}}, "wrong_argument"),
    "a seed of 65 bits": ({"parameters": {"num_samples": 1, "seed": 2**64}}, "wrong_argument"),
    "a temperature of −1": ({"parameters": {"num_samples": 1, "temperature": -1}}, "wrong_argument"),
    "infinite latents": ({"inputs": [x_tensor(X[:1], name="z", data=["Infinity", 0])]}, "missing_value"),
}


@pytest.mark.parametrize("case", BAD_SAMPLES)
def test_samplings_refused(server: Process, case: str) -> None:
    body, code = BAD_SAMPLES[case]
    status, answer = server.infer("banana_sample", body)
    assert (status, answer["code"]) == (400, code), answer


BAD_CONTEXTS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "none": ([], "missing_context"),
    "an unknown category": (
        [{"name": "context", "datatype": "BYTES", "shape": [1, 3], "data": ["Best", "E", "VS1"]}],
        "unknown_category",
    ),
    "an unknown code": (
        [{"name": "context", "datatype": "FP32", "shape": [1, 3], "data": [99, 0, 0]}],
        "unknown_category",
    ),
    "a column missing": ([{"name": "cut", "datatype": "BYTES", "shape": [1], "data": ["Ideal"]}], "missing_context"),
    "an unknown column": ([{"name": "kut", "datatype": "BYTES", "shape": [1], "data": ["Ideal"]}], "unknown_input"),
    "other rows": ([{"name": "context", "datatype": "FP32", "shape": [2, 3], "data": [0] * 6}], "wrong_shape"),
}


@pytest.mark.parametrize("case", BAD_CONTEXTS)
def test_contexts_refused(server: Process, case: str) -> None:
    context, code = BAD_CONTEXTS[case]
    x = x_tensor(np.ones((3, 4), np.float32))
    status, answer = server.infer("diamonds_log_prob", {"inputs": [x, *context]})
    assert (status, answer["code"]) == (400, code), answer


@pytest.mark.parametrize("size", ["-1", "x", "1000000", "9" * 30])
def test_a_wrong_size_of_the_json_is_refused(server: Process, size: str) -> None:
    body, _ = binary([("x", "FP32", X, [7, 2])])
    status, answer = server.infer("banana_log_prob", body, Inference_Header_Content_Length=size)
    assert (status, answer["code"]) == (400, "wrong_size")


@pytest.mark.parametrize(
    ("tensors", "extra"),
    [
        ([("x", "FP32", X[:-1], [7, 2])], b""),
        ([("x", "FP32", X, [7, 2])], b"more"),
        ([("x", "FP32", X, [10**6, 2])], b""),
    ],
    ids=["too few bytes", "bytes left", "a shape of more"],
)
def test_wrong_lengths_of_binary_parts(server: Process, tensors: Any, extra: bytes) -> None:
    body, size = binary(tensors)
    status, answer = server.infer("banana_log_prob", body + extra, Inference_Header_Content_Length=size)
    assert (status, answer["code"]) == (400, "wrong_size")


def test_a_bomb_is_given_up(server: Process) -> None:
    bomb = gzip.compress(bytes(70 << 20))
    status, answer = server.infer("banana_log_prob", bomb, Content_Encoding="gzip")
    assert (status, answer["code"]) == (413, "too_large")
    for body, encoding, expected in ((b"no gzip", "gzip", 400), (bomb[:1000], "gzip", 400), (b"", "br", 415)):
        assert server.infer("banana_log_prob", body, Content_Encoding=encoding)[0] == expected


def test_a_bomb_never_takes_the_room_that_it_would_become() -> None:
    bomb = gzip.compress(bytes(40 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(Refusal, match="once decompressed"):
            decoded(bomb, b"gzip", 1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v2/models/nope/infer", 404),
        ("POST", "/v2/models/banana_log_prob/versions/2/infer", 404),
        ("GET", "/v2/models/banana_log_prob/infer", 405),
        ("POST", "/v2", 405),
        ("GET", "/nothing", 404),
        ("GET", "/v2/models/../../etc/passwd", 404),
        ("GET", "/v2/models/%00%ff/ready", 404),
    ],
)
def test_unknown_addresses(server: Process, method: str, path: str, status: int) -> None:
    found, answer = server.request(method, path, b"{}" if method == "POST" else None)
    assert found == status
    assert answer["error"]


def test_the_server_and_its_models_say_what_they_are(server: Process) -> None:
    assert server.request("GET", "/v2")[1]["name"] == "flowexport"
    assert server.request("GET", "/v2/health/live") == (200, {"live": True})
    assert server.request("GET", "/v2/health/ready") == (200, {"ready": True})
    assert server.request("HEAD", "/v2/health/ready") == (200, None)
    assert server.request("GET", "/v2/models/banana_sample/ready")[1] == {"name": "banana_sample", "ready": True}
    metadata = server.request("GET", "/v2/models/diamonds_sample/versions/1")[1]
    assert metadata["inputs"] == [
        {"name": "z", "datatype": "FP32", "shape": [-1, 4]},
        {"name": "context", "datatype": "FP32", "shape": [-1, 3]},
    ]
    assert metadata["outputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]
    assert metadata["properties"]["context.cut"] == "Fair,Good,Ideal,Premium,Very Good"
