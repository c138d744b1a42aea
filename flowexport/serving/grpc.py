"""The protocol over gRPC, in the same event loop and the same queue as HTTP."""

from __future__ import annotations

__all__ = ["GrpcServer"]

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from flowexport.errors import ArgumentError

from .batching import Answers, Batcher, Waiting
from .endpoint import VERSION, Draw, Endpoint
from .grpc_tensors import inference_of
from .proto import HEALTH, INFERENCE, messages
from .refusal import Refusal, refusal_of
from .registry import Registry
from .routes import EXTENSIONS

STATUS = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.OUT_OF_RANGE,
    503: grpc.StatusCode.UNAVAILABLE,
}
"""Of a refusal; for any other, INTERNAL."""

SERVING, NOT_SERVING = 1, 2
"""Of grpc.health.v1."""

WATCH_SECONDS = 0.5
"""How often a watcher of the health is told of a change."""

Method = Callable[[bytes, Any], Awaitable[Any]]


class GrpcServer:
    """The service, and the health service beside it.

    Arguments:
        registry: of what is served.
        batcher: that runs it.
        is_ready: whether the server wants more requests.
    """

    def __init__(self, registry: Registry, batcher: Batcher, is_ready: Callable[[], bool]) -> None:
        self.registry, self.batcher, self.is_ready = registry, batcher, is_ready
        self.limits = registry.settings.limits
        self.types = messages(INFERENCE)
        self.health = messages(HEALTH)
        most = self.limits.body_bytes
        options = [
            ("grpc.max_receive_message_length", most),
            ("grpc.max_send_message_length", most + (1 << 16)),
            ("grpc.so_reuseport", 0),
            ("grpc.max_concurrent_streams", 1024),
        ]
        self.server = grpc.aio.server(options=options)
        self.server.add_generic_rpc_handlers((self._inference_handlers(), self._health_handlers()))

    async def start(self, host: str, port: int) -> int:
        """Listens, and says at which port.

        Raises:
            ArgumentError: where it cannot.
        """
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            bound: int = self.server.add_insecure_port(address)
        except RuntimeError as error:
            raise ArgumentError(f"{address}: cannot be listened at, for gRPC: {error}") from error
        await self.server.start()
        return bound

    async def stop(self, seconds: float) -> None:
        """Takes nothing more, and finishes what was accepted."""
        await self.server.stop(seconds)

    async def infer(self, request: Any) -> Any:
        """The answer of an inference."""
        endpoint = self.registry.endpoint(request.model_name, request.model_version)
        work = endpoint.work_of(inference_of(request, endpoint))
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def done(answers: Answers, start: int, stop: int) -> Callable[[], None]:
            response = self._response(endpoint, request.id, answers, start, stop)
            if isinstance(work, Draw):
                response.parameters["seed"].string_param = str(work.seed)
            return lambda: None if answered.done() else answered.set_result(response)

        def refused(refusal: Refusal) -> None:
            if not answered.done():
                answered.set_exception(refusal)

        self.batcher.add(Waiting(endpoint, work, done, refused))
        return await answered

    async def stream(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[Any]:
        """Inferences one after the other; one that is refused ends nothing."""
        response = self.types["ModelStreamInferResponse"]
        async for data in requests:
            try:
                request = self._read("ModelInferRequest", data)
                yield response(infer_response=await self.infer(request))
            except Exception as error:
                yield response(error_message=" ".join(str(refusal_of(error)).split()))

    def _response(self, endpoint: Endpoint, request_id: str, answers: Answers, start: int, stop: int) -> Any:
        response = self.types["ModelInferResponse"](model_name=endpoint.name, model_version=VERSION, id=request_id)
        shape = [stop - start, *endpoint.output_row]
        response.outputs.add(name=endpoint.output, datatype=endpoint.datatype, shape=shape)
        data = answers.rows[start:stop].astype(endpoint.dtype.newbyteorder("<"), copy=False)
        response.raw_output_contents.append(data.tobytes())
        return response

    def _read(self, name: str, data: bytes) -> Any:
        try:
            return self.types[name].FromString(data)
        except DecodeError as error:
            raise Refusal(400, "wrong_message", f"this is no {name}") from error

    def _inference_handlers(self) -> Any:
        """Every method: its request, and what answers it."""
        types = self.types

        async def model_ready(request: Any) -> Any:
            self.registry.endpoint(request.name, request.version)
            return types["ModelReadyResponse"](ready=self.is_ready())

        async def server_metadata(request: Any) -> Any:
            version = self.registry.settings.version
            return types["ServerMetadataResponse"](name="flowexport", version=version, extensions=EXTENSIONS)

        async def model_metadata(request: Any) -> Any:
            return types["ModelMetadataResponse"](**self.registry.endpoint(request.name, request.version).metadata())

        async def live(request: Any) -> Any:
            return types["ServerLiveResponse"](live=True)

        async def ready(request: Any) -> Any:
            return types["ServerReadyResponse"](ready=self.is_ready())

        methods = {
            "ServerLive": live,
            "ServerReady": ready,
            "ModelReady": model_ready,
            "ServerMetadata": server_metadata,
            "ModelMetadata": model_metadata,
            "ModelInfer": self.infer,
        }
        handlers = {name: self._unary(f"{name}Request", method) for name, method in methods.items()}
        handlers["ModelStreamInfer"] = grpc.stream_stream_rpc_method_handler(
            self.stream, response_serializer=lambda response: response.SerializeToString()
        )
        return grpc.method_handlers_generic_handler(f"{INFERENCE}.GRPCInferenceService", handlers)

    def _unary(self, request_type: str, method: Callable[[Any], Awaitable[Any]]) -> Any:
        """A method as grpc calls it. Bytes that are no message are the client's fault, and not an internal one."""

        async def answer(data: bytes, context: Any) -> Any:
            try:
                return await method(self._read(request_type, data))
            except Exception as error:
                refusal = refusal_of(error)
                code = STATUS.get(refusal.status, grpc.StatusCode.INTERNAL)
                context.set_trailing_metadata((("code", refusal.code),))
                await context.abort(code, refusal.fields()["error"])

        return grpc.unary_unary_rpc_method_handler(
            answer, response_serializer=lambda response: response.SerializeToString()
        )

    def _health_handlers(self) -> Any:
        """grpc.health.v1, of the whole server or of a model by its name."""
        response = self.health["HealthCheckResponse"]

        def status(data: bytes) -> int | None:
            try:
                name = self.health["HealthCheckRequest"].FromString(data).service
            except DecodeError:
                return None
            if name in ("", f"{INFERENCE}.GRPCInferenceService") or name in self.registry.endpoints:
                return SERVING if self.is_ready() else NOT_SERVING
            return None

        async def check(data: bytes, context: Any) -> Any:
            found = status(data)
            if found is None:
                await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service")
            return response(status=found)

        async def watch(data: bytes, context: Any) -> AsyncIterator[Any]:
            told = None
            while True:
                found = status(data) or 3  # SERVICE_UNKNOWN
                if found != told:
                    told = found
                    yield response(status=found)
                await asyncio.sleep(WATCH_SECONDS)

        serialize: Callable[[Any], bytes] = lambda message: message.SerializeToString()  # noqa: E731
        handlers = {
            "Check": grpc.unary_unary_rpc_method_handler(check, response_serializer=serialize),
            "Watch": grpc.unary_stream_rpc_method_handler(watch, response_serializer=serialize),
        }
        return grpc.method_handlers_generic_handler(f"{HEALTH}.Health", handlers)
