"""gRPC: the published messages, the same rules as over HTTP, and the health service."""

from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import model_config_pb2, service_pb2

from flowexport.runtime import Model
from flowexport.serving.proto import HEALTH, INFERENCE, messages
from tests.serving.processes import Process

X = np.random.default_rng(3).normal(size=(5, 2)).astype(np.float32)
TYPES = messages(INFERENCE)
HEALTH_TYPES = messages(HEALTH)
ENUM, INT32 = 14, 5
"""Of descriptor.proto; on the wire they are the same."""


@pytest.mark.parametrize("name", TYPES)
def test_the_messages_are_the_published_ones(name: str) -> None:
    published: Any = service_pb2 if hasattr(service_pb2, name.partition(".")[0]) else model_config_pb2
    for part in name.split("."):
        published = getattr(published, part)
    fields = {field.number: field for field in published.DESCRIPTOR.fields}
    for field in TYPES[name].DESCRIPTOR.fields:
        if (name, field.name) == ("ModelMetadataResponse", "properties"):
            continue  # of the Open Inference Protocol's own proto, and not of Triton's
        theirs = fields[field.number]
        assert (field.name, field.type) == (theirs.name, INT32 if theirs.type == ENUM else theirs.type)
        assert field.is_repeated == theirs.is_repeated


def call(
    server: Process, method: str, request: bytes, reads: Any, service: str = "inference.GRPCInferenceService"
) -> Any:
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        return channel.unary_unary(f"/{service}/{method}", response_deserializer=reads)(request, timeout=20)


def infer(server: Process, request: Any) -> Any:
    return call(server, "ModelInfer", request.SerializeToString(), TYPES["ModelInferResponse"].FromString)


def request_of(model: str = "banana_log_prob", **tensor: Any) -> Any:
    request = TYPES["ModelInferRequest"](model_name=model)
    request.inputs.add(**({"name": "x", "datatype": "FP32", "shape": [5, 2]} | tensor))
    return request


@pytest.mark.parametrize("raw", [True, False])
def test_log_prob_is_the_runtimes(server: Process, banana: Model, raw: bool) -> None:
    request = request_of(**({} if raw else {"contents": {"fp32_contents": X.ravel()}}))
    if raw:
        request.raw_input_contents.append(X.tobytes())
    response = infer(server, request)
    np.testing.assert_array_equal(np.frombuffer(response.raw_output_contents[0], "<f4"), banana.log_prob(X))


def bad(tensor: dict[str, Any], *raw: bytes) -> Any:
    request = request_of(**tensor)
    request.raw_input_contents.extend(raw)
    return request


BAD = {
    "an unknown model": (bad({}, X.tobytes()), "NOT_FOUND"),
    "too few bytes": (bad({}, X.tobytes()[:-1]), "INVALID_ARGUMENT"),
    "parts of nothing": (bad({}, X.tobytes(), b""), "INVALID_ARGUMENT"),
    "both forms": (bad({"contents": {"fp32_contents": X.ravel()}}, X.tobytes()), "INVALID_ARGUMENT"),
    "10¹² rows": (bad({"shape": [10**12, 2]}, X.tobytes()), "INVALID_ARGUMENT"),
    "a negative shape": (bad({"shape": [-5, 2]}, X.tobytes()), "INVALID_ARGUMENT"),
    "another type": (bad({"datatype": "INT64"}, X.tobytes()), "INVALID_ARGUMENT"),
    "contents of another type": (bad({"contents": {"int_contents": [1] * 10}}), "INVALID_ARGUMENT"),
    "NaN": (bad({}, np.full((5, 2), np.nan, np.float32).tobytes()), "INVALID_ARGUMENT"),
    "2 · 10⁹ rows": (bad({"shape": [2 * 10**9, 2]}, X.tobytes()), "OUT_OF_RANGE"),
}
BAD["an unknown model"][0].model_name = "nope"


@pytest.mark.parametrize("case", BAD)
def test_refused_by_its_reason(server: Process, case: str) -> None:
    request, code = BAD[case]
    with pytest.raises(grpc.RpcError) as refused:
        infer(server, request)
    assert refused.value.code() is getattr(grpc.StatusCode, code), refused.value.details()


@pytest.mark.parametrize("method", ["ModelInfer", "ModelMetadata", "ModelReady"])
def test_what_is_no_message_is_the_clients_fault(server: Process, method: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        call(server, method, b"\xff\xff", None)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(("service", "status"), [("", 1), ("banana_sample", 1)])
def test_health(server: Process, service: str, status: int) -> None:
    request = HEALTH_TYPES["HealthCheckRequest"](service=service).SerializeToString()
    reads = HEALTH_TYPES["HealthCheckResponse"].FromString
    assert call(server, "Check", request, reads, "grpc.health.v1.Health").status == status


def test_the_health_of_an_unknown_service(server: Process) -> None:
    request = HEALTH_TYPES["HealthCheckRequest"](service="nope").SerializeToString()
    with pytest.raises(grpc.RpcError) as refused:
        call(server, "Check", request, None, "grpc.health.v1.Health")
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
