"""Client libraries that people have, as they come from PyPI, against a server in a process of its own."""

import asyncio
from typing import Any

import numpy as np
import pytest
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
