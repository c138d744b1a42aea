"""What the server says of itself and its models, as documents: for REST, for gRPC, and for people."""

from __future__ import annotations

__all__ = ["EXTENSIONS", "Surface"]

from collections.abc import Callable
from typing import NotRequired, TypedDict

from .counters import Counters
from .endpoint import VERSION, Endpoint, TensorMetadata
from .metrics import statistics_of
from .openapi import openapi
from .refusal import Refusal
from .registry import Registry


class TensorConfig(TypedDict):
    """A tensor of a configuration; ``reshape`` where Triton's shape of it is another than the graph's."""

    name: str
    data_type: str
    dims: list[int]
    reshape: NotRequired[dict[str, list[int]]]


class ModelConfig(TypedDict):
    """The configuration extension's document."""

    name: str
    platform: str
    backend: str
    max_batch_size: int
    input: list[TensorConfig]
    output: list[TensorConfig]
    dynamic_batching: dict[str, object]


EXTENSIONS = ["binary_tensor_data", "model_configuration", "model_repository", "parameters", "statistics"]


class Surface:
    """Documents.

    Arguments:
        registry: of what is served.
        counters: of what was answered.
        is_ready: whether the server wants more requests.
    """

    def __init__(self, registry: Registry, counters: Counters, is_ready: Callable[[], bool]) -> None:
        self.registry, self.counters, self.is_ready = registry, counters, is_ready

    def document(self, parts: list[str]) -> tuple[int, object] | None:
        """Status and document of an address's parts; None where there is nothing.

        Raises:
            Refusal: for an unknown model or version.
        """
        match parts:
            case ["openapi.json"]:
                return 200, openapi(self.registry)
            case ["v2"]:
                return 200, self.server()
            case ["v2", "health", "live"]:
                return 200, {"live": True}
            case ["v2", "health", "ready"]:
                return self.told_ready({})
            case ["v2", "models"]:
                return 200, {"models": list(self.registry.endpoints)}
            case ["v2", "models", "stats"]:
                return 200, self.statistics()
            case ["v2", "models", name, *rest]:
                version = rest[1] if rest[:1] == ["versions"] and len(rest) > 1 else VERSION
                return self.of_model(
                    self.registry.endpoint(name, version), rest[2:] if "versions" in rest[:1] else rest
                )
        return None

    def of_model(self, endpoint: Endpoint, rest: list[str]) -> tuple[int, object] | None:
        """What there is behind the name of a model."""
        match rest:
            case []:
                return 200, endpoint.metadata()
            case ["ready"]:
                return self.told_ready({"name": endpoint.name})
            case ["config"]:
                return 200, self.config(endpoint)
            case ["stats"]:
                return 200, self.statistics(endpoint.name)
        return None

    def server(self) -> dict[str, object]:
        """Server metadata."""
        return {"name": "flowexport", "version": self.registry.settings.version, "extensions": EXTENSIONS}

    def told_ready(self, first: dict[str, object]) -> tuple[int, object]:
        """Whether more requests are wanted, by status and word."""
        ready = self.is_ready()
        return (200 if ready else 503), first | {"ready": ready}

    def statistics(self, name: str = "") -> dict[str, object]:
        """The statistics extension's document, of a model or of all."""
        if name:
            name = self.registry.endpoint(name).name
        return {"model_stats": statistics_of(self.counters, [name] if name else list(self.registry.endpoints))}

    def config(self, endpoint: Endpoint) -> ModelConfig:
        """The configuration extension's document, as Triton would have it for this model."""
        metadata = endpoint.metadata()

        def shaped(tensor: TensorMetadata) -> TensorConfig:
            name, data_type, dims = tensor["name"], f"TYPE_{tensor['datatype']}", tensor["shape"][1:]
            if dims:
                return {"name": name, "data_type": data_type, "dims": dims}
            # Triton knows no tensor without an axis but the batch's
            return {"name": name, "data_type": data_type, "dims": [1], "reshape": {"shape": []}}

        return {
            "name": endpoint.name,
            "platform": metadata["platform"],
            "backend": "onnxruntime",
            "max_batch_size": endpoint.limits.batch_rows,
            "input": [shaped(tensor) for tensor in metadata["inputs"]],
            "output": [shaped(tensor) for tensor in metadata["outputs"]],
            "dynamic_batching": {},
        }

    def index(self, only_ready: bool) -> list[dict[str, str]]:
        """The repository extension's index."""
        found = []
        for served in self.registry.served.values():
            for graph in served.graphs:
                state = "READY" if served.model is not None else "UNAVAILABLE"
                if state == "READY" or not only_ready:
                    name = f"{served.name}_{graph}"
                    found.append({"name": name, "version": VERSION, "state": state, "reason": served.reason})
        return found


def unknown(target: bytes) -> Refusal:
    """There is nothing at an address."""
    return Refusal(404, "unknown_address", f"there is nothing at {target[:200].decode('latin-1')!r}")
