"""The protocol over gRPC, in the same event loop and the same queue as HTTP."""

from __future__ import annotations

__all__ = ["GrpcServer"]

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import grpc.aio
from google.protobuf.message import DecodeError, Message

from flowexport.errors import ArgumentError

from .access import Access
from .batching import Answers, Batcher, Waiting
from .endpoint import VERSION, Draw, Endpoint
from .grpc_tensors import inference_of
from .proto import HEALTH, INFERENCE, messages
from .refusal import Refusal, refusal_of
from .routes import Change
from .settings import Settings
from .surface import Surface, TensorConfig

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

DATA_TYPES = {"TYPE_FP32": 11, "TYPE_FP64": 12}
"""As model_config.proto numbers them."""

WATCH_SECONDS = 0.5
"""How often a watcher of the health is told of a change."""


def numbered(tensor: TensorConfig) -> dict[str, object]:
    """A tensor of a configuration, as the message has it."""
    return {"name": tensor["name"], "data_type": DATA_TYPES[tensor["data_type"]], "dims": tensor["dims"]}


def serialized(message: Message) -> bytes:
    """A message's bytes."""
    data: bytes = message.SerializeToString()
    return data


class GrpcServer:
    """The service, and the health service beside it.

    Arguments:
        surface: of documents.
        batcher: that runs inferences.
        access: of who may ask.
        change: loads and unloads.
    """

    def __init__(self, surface: Surface, batcher: Batcher, access: Access, change: Change) -> None:
        self.surface, self.batcher, self.access, self.change = surface, batcher, access, change
        self.registry, self.is_ready = surface.registry, surface.is_ready
        self.limits = self.registry.settings.limits
        self.types = messages(INFERENCE)
        self.health = messages(HEALTH)
        most = self.limits.body_bytes
        options = [
            ("grpc.max_receive_message_length", most),
            ("grpc.max_send_message_length", most + (1 << 16)),
            ("grpc.so_reuseport", int(self.registry.settings.workers > 1)),
            ("grpc.max_concurrent_streams", 1024),
        ]
        self.server = grpc.aio.server(options=options)
        self.server.add_generic_rpc_handlers((self._inference_handlers(), self._health_handlers()))

    async def start(self, settings: Settings, port: int) -> int:
        """Listens, and says at which port.

        Raises:
            ArgumentError: where it cannot.
        """
        host = settings.host
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            if settings.tls_cert is not None and settings.tls_key is not None:
                pair = (settings.tls_key.read_bytes(), settings.tls_cert.read_bytes())
                bound: int = self.server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
            else:
                bound = self.server.add_insecure_port(address)
        except RuntimeError as error:
            raise ArgumentError(f"{address}: cannot be listened at, for gRPC: {error}") from error
        await self.server.start()
        return bound

    async def stop(self, seconds: float) -> None:
        """Takes nothing more, and finishes what was accepted."""
        await self.server.stop(seconds)

    async def infer(self, request: Message) -> Message:
        """The answer of an inference."""
        began = time.perf_counter()
        endpoint = self.registry.endpoint(request.model_name, request.model_version)
        work = endpoint.work_of(inference_of(request, endpoint))
        answered: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        def done(answers: Answers, start: int, stop: int) -> Callable[[], None]:
            response = self._response(endpoint, request.id, answers, start, stop)
            if isinstance(work, Draw):
                response.parameters["seed"].string_param = str(work.seed)
            return lambda: None if answered.done() else answered.set_result(response)

        def refused(refusal: Refusal) -> None:
            if not answered.done():
                answered.set_exception(refusal)

        self.batcher.add(Waiting(endpoint, work, done, refused, began))
        return await answered

    async def stream(self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[Message]:
        """Inferences one after the other; one that is refused ends nothing."""
        response = self.types["ModelStreamInferResponse"]
        try:
            self._require_token(context)
        except Refusal as refusal:
            await context.abort(STATUS[refusal.status], str(refusal))
        async for data in requests:
            try:
                request = self._read("ModelInferRequest", data)
                yield response(infer_response=await self.infer(request))
            except Exception as error:
                yield response(error_message=" ".join(str(refusal_of(error)).split()))

    def _response(self, endpoint: Endpoint, request_id: str, answers: Answers, start: int, stop: int) -> Message:
        response = self.types["ModelInferResponse"](model_name=endpoint.name, model_version=VERSION, id=request_id)
        shape = [stop - start, *endpoint.output_row]
        response.outputs.add(name=endpoint.output, datatype=endpoint.datatype, shape=shape)
        response.raw_output_contents.append(answers.data(start, stop))
        return response

    def _require_token(self, context: grpc.aio.ServicerContext) -> None:
        """Refuses a call without the token.

        Raises:
            Refusal: 401.
        """
        if self.access.token is not None:
            given = dict(context.invocation_metadata() or ()).get("authorization", "")
            self.access.require(b"", given.encode() if isinstance(given, str) else given)

    def _read(self, name: str, data: bytes) -> Message:
        try:
            return self.types[name].FromString(data)
        except DecodeError as error:
            raise Refusal(400, "wrong_message", f"this is no {name}") from error

    def _inference_handlers(self) -> grpc.GenericRpcHandler:
        """Every method: its request, and what answers it."""
        types = self.types

        surface, registry = self.surface, self.registry

        async def live(request: object) -> Message:
            return types["ServerLiveResponse"](live=True)

        async def ready(request: object) -> Message:
            return types["ServerReadyResponse"](ready=self.is_ready())

        async def model_ready(request: Message) -> Message:
            registry.endpoint(request.name, request.version)
            return types["ModelReadyResponse"](ready=self.is_ready())

        async def server_metadata(request: object) -> Message:
            return types["ServerMetadataResponse"](**surface.server())

        async def model_metadata(request: Message) -> Message:
            return types["ModelMetadataResponse"](**registry.endpoint(request.name, request.version).metadata())

        async def model_config(request: Message) -> Message:
            config = surface.config(registry.endpoint(request.name, request.version))
            fields = types["ModelConfig"].DESCRIPTOR.fields_by_name
            known = {key: value for key, value in config.items() if key in fields}
            tensors = {"input": list(map(numbered, config["input"])), "output": list(map(numbered, config["output"]))}
            return types["ModelConfigResponse"](config=known | tensors)

        async def statistics(request: Message) -> Message:
            return types["ModelStatisticsResponse"](**surface.statistics(request.name))

        async def index(request: Message) -> Message:
            return types["RepositoryIndexResponse"](models=surface.index(request.ready))

        methods = {
            "ServerLive": live,
            "ServerReady": ready,
            "ModelReady": model_ready,
            "ServerMetadata": server_metadata,
            "ModelMetadata": model_metadata,
            "ModelConfig": model_config,
            "ModelStatistics": statistics,
            "ModelInfer": self.infer,
            "RepositoryIndex": index,
            "RepositoryModelLoad": lambda request: self._operate(request, True),
            "RepositoryModelUnload": lambda request: self._operate(request, False),
        }
        handlers = {name: self._unary(f"{name}Request", method) for name, method in methods.items()}
        handlers["ModelStreamInfer"] = grpc.stream_stream_rpc_method_handler(
            self.stream, response_serializer=serialized
        )
        return grpc.method_handlers_generic_handler(f"{INFERENCE}.GRPCInferenceService", handlers)

    async def _operate(self, request: Message, load: bool) -> Message:
        """Loads or unloads a bundle. KServe's messages have the name where Triton's have that of a repository."""
        self.access.require_operator()
        done: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()
        self.change(request.model_name or request.repository_name, load, done.set_result)
        refusal = await done
        if refusal is not None:
            raise refusal
        return self.types[f"RepositoryModel{'Load' if load else 'Unload'}Response"]()

    def _unary(self, request_type: str, method: Callable[[Message], Awaitable[Message]]) -> grpc.RpcMethodHandler:
        """A method as grpc calls it. Bytes that are no message are the client's fault, and not an internal one."""

        async def answer(data: bytes, context: grpc.aio.ServicerContext) -> Message:
            request = None
            try:
                self._require_token(context)
                request = self._read(request_type, data)
                return await method(request)
            except Exception as error:
                refusal = refusal_of(error)
                endpoint = self.registry.endpoints.get(getattr(request, "model_name", ""))
                self.surface.counters.refused(refusal.code, None if endpoint is None else endpoint.index)
                code = STATUS.get(refusal.status, grpc.StatusCode.INTERNAL)
                context.set_trailing_metadata((("code", refusal.code),))
                await context.abort(code, refusal.fields()["error"])

        return grpc.unary_unary_rpc_method_handler(answer, response_serializer=serialized)

    def _health_handlers(self) -> grpc.GenericRpcHandler:
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

        async def check(data: bytes, context: grpc.aio.ServicerContext) -> Message:
            found = status(data)
            if found is None:
                await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service")
            return response(status=found)

        async def watch(data: bytes, context: object) -> AsyncIterator[Message]:
            told = None
            while True:
                found = status(data) or 3  # SERVICE_UNKNOWN
                if found != told:
                    told = found
                    yield response(status=found)
                await asyncio.sleep(WATCH_SECONDS)

        handlers = {
            "Check": grpc.unary_unary_rpc_method_handler(check, response_serializer=serialized),
            "Watch": grpc.unary_stream_rpc_method_handler(watch, response_serializer=serialized),
        }
        return grpc.method_handlers_generic_handler(f"{HEALTH}.Health", handlers)
