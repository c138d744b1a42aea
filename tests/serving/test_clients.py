"""Client libraries that people have, as they come from PyPI, against a server in a process of its own."""

import asyncio
import queue
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
import tritonclient.http.aio
import tritonclient.utils

from flowexport.runtime import Model
from tests.serving.processes import Process

X = np.random.default_rng(2).normal(size=(5, 2)).astype(np.float32)


def triton_input(module: Any, binary: bool = True) -> Any:
    tensor = module.InferInput("x", [5, 2], "FP32")
    tensor.set_data_from_numpy(X, **({} if binary else {"binary_data": False}))
    return tensor


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_tritonclient_http(server: Process, banana: Model, binary: bool, compression: str | None) -> None:
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        result = client.infer(
            "banana_log_prob",
            [triton_input(tritonclient.http, binary)],
            outputs=[tritonclient.http.InferRequestedOutput("log_prob", binary_data=binary)],
            request_compression_algorithm=compression,
            response_compression_algorithm=compression,
        )
        np.testing.assert_array_equal(result.as_numpy("log_prob"), banana.log_prob(X))
        # Without outputs named all come, in binary.
        result = client.infer("banana_log_prob", [triton_input(tritonclient.http, binary)], model_version="1")
        np.testing.assert_array_equal(result.as_numpy("log_prob"), banana.log_prob(X))


def test_tritonclient_http_asks_what_there_is(server: Process) -> None:
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}", concurrency=2) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("banana_sample")
        assert client.get_server_metadata()["name"] == "flowexport"
        assert client.get_model_metadata("banana_sample")["inputs"][0]["name"] == "z"
        with pytest.raises(tritonclient.utils.InferenceServerException, match="there is no model"):
            client.get_model_metadata("nope")
        pending = [client.async_infer("banana_log_prob", [triton_input(tritonclient.http)]) for _ in range(8)]
        assert all(each.get_result().as_numpy("log_prob").shape == (5,) for each in pending)


def test_tritonclient_http_draws_samples_and_names_categories(server: Process, banana: Model, diamonds: Model) -> None:
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        result = client.infer("banana_sample", [], parameters={"num_samples": 4, "seed": 7})
        np.testing.assert_array_equal(result.as_numpy("x"), banana.sample(4, seed=7))
        names = np.array([["Ideal", "E", "VS1"]], dtype=object)
        context = tritonclient.http.InferInput("context", [1, 3], "BYTES")
        for binary in (True, False):
            context.set_data_from_numpy(names, binary_data=binary)
            result = client.infer("diamonds_sample", [context], parameters={"num_samples": 2, "seed": 7})
            np.testing.assert_array_equal(result.as_numpy("x"), diamonds.sample(2, names, seed=7))


def test_tritonclient_http_aio(server: Process, banana: Model) -> None:
    async def talk() -> Any:
        async with tritonclient.http.aio.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
            assert await client.is_server_ready()
            infer = [client.infer("banana_log_prob", [triton_input(tritonclient.http.aio)]) for _ in range(16)]
            return await asyncio.gather(*infer)

    for result in asyncio.run(talk()):
        np.testing.assert_allclose(result.as_numpy("log_prob"), banana.log_prob(X), atol=1e-4, rtol=1e-5)


@pytest.fixture
def triton_grpc(server: Process) -> Iterator[Any]:
    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as client:
        yield client


def test_tritonclient_grpc(triton_grpc: Any, banana: Model, diamonds: Model) -> None:
    result = triton_grpc.infer("banana_log_prob", [triton_input(tritonclient.grpc)], request_id="q", model_version="1")
    np.testing.assert_array_equal(result.as_numpy("log_prob"), banana.log_prob(X))
    assert result.get_response().id == "q"
    result = triton_grpc.infer("banana_sample", [], parameters={"num_samples": 4, "seed": "7", "temperature": 0.5})
    np.testing.assert_array_equal(result.as_numpy("x"), banana.sample(4, seed=7, temperature=0.5))
    assert result.get_response().parameters["seed"].string_param == "7"
    names = np.array([["Ideal", "E", "VS1"]], dtype=object)
    context = tritonclient.grpc.InferInput("context", [1, 3], "BYTES")
    context.set_data_from_numpy(names)
    result = triton_grpc.infer("diamonds_sample", [context], parameters={"num_samples": 2, "seed": 7})
    np.testing.assert_array_equal(result.as_numpy("x"), diamonds.sample(2, names, seed=7))


def test_tritonclient_grpc_asks_what_there_is(triton_grpc: Any) -> None:
    assert triton_grpc.is_server_live()
    assert triton_grpc.is_server_ready()
    assert triton_grpc.is_model_ready("banana_sample")
    assert triton_grpc.get_server_metadata().name == "flowexport"
    metadata = triton_grpc.get_model_metadata("diamonds_log_prob", as_json=True)
    assert [each["name"] for each in metadata["inputs"]] == ["x", "context"]
    assert metadata["outputs"] == [{"name": "log_prob", "datatype": "FP32", "shape": ["-1"]}]


def test_tritonclient_grpc_streams(triton_grpc: Any, banana: Model) -> None:
    found: queue.Queue[Any] = queue.Queue()
    triton_grpc.start_stream(lambda result, error: found.put((result, error)))
    for name in ("banana_log_prob", "nope", "banana_log_prob"):
        triton_grpc.async_stream_infer(name, [triton_input(tritonclient.grpc)])
    results = [found.get(timeout=10) for _ in range(3)]
    triton_grpc.stop_stream()
    assert [error is None for _, error in results] == [True, False, True]
    assert "there is no model" in str(results[1][1])
    np.testing.assert_array_equal(results[2][0].as_numpy("log_prob"), banana.log_prob(X))


def test_tritonclient_grpc_aio(server: Process, banana: Model) -> None:
    async def talk() -> Any:
        async with tritonclient.grpc.aio.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as client:
            infer = [client.infer("banana_log_prob", [triton_input(tritonclient.grpc.aio)]) for _ in range(16)]
            return await asyncio.gather(*infer)

    for result in asyncio.run(talk()):
        np.testing.assert_allclose(result.as_numpy("log_prob"), banana.log_prob(X), atol=1e-4, rtol=1e-5)
