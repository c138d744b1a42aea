"""A model repository of NVIDIA's Triton Inference Server: a model a graph, NAME_log_prob and NAME_sample."""

from __future__ import annotations

__all__ = ["Placing", "repository"]

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from flowexport.bundle import known
from flowexport.bundle.schema import TensorSpec

from .bundles import Named

DATA_TYPES = {"float32": "TYPE_FP32", "float64": "TYPE_FP64"}
RESHAPED = """
    # The graph gives [batch]. Triton's dims may not be empty, so that clients get [N, 1]; the reshape says that the
    # graph itself has no such axis. Without it the model is not loaded.
    reshape { shape: [ ] }"""


@dataclass(frozen=True)
class Placing:
    """How Triton runs a model.

    Arguments:
        backend: ``onnxruntime`` opens the graph itself; ``python`` opens the bundle by flowexport, which then has to
            be installed beside Triton.
        device: ``cpu`` or ``cuda``.
        instances: copies of a model that run at a time.
        threads: of one copy.
        max_batch: rows that are run together, and the most that one request may have.
        delay: microseconds for which a request waits for others to be run with.
    """

    backend: Literal["onnxruntime", "python"] = "onnxruntime"
    device: Literal["cpu", "cuda"] = "cpu"
    instances: int = 1
    threads: int = 1
    max_batch: int = 1024
    delay: int = 0


def repository(bundles: Sequence[Named], placing: Placing) -> Iterator[tuple[str, bytes]]:
    """The files of a model repository: their paths in it, and their bytes.

    References:
        https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/model_repository.html
    """
    for named in bundles:
        for graph in (kind.name for kind in known(named.bundle.manifest.graphs)):
            model = f"{named.name}_{graph}"
            yield f"{model}/config.pbtxt", configuration(named, graph, placing).encode()
            if placing.backend == "onnxruntime":
                yield f"{model}/1/model.onnx", named.bundle.graph(graph)[0]
                continue
            yield f"{model}/1/model.py", resources.files(__package__).joinpath("triton_python.py").read_bytes()
            for name, data in named.files():
                yield f"{model}/1/bundle/{name}", data


def configuration(named: Named, graph: str, placing: Placing) -> str:
    """The ``config.pbtxt`` of a graph, a ``ModelConfig`` in protobuf's text format.

    References:
        https://github.com/triton-inference-server/common/blob/main/protobuf/model_config.proto
    """
    manifest = named.bundle.manifest
    spec = named.bundle.spec(graph)
    outputs = list(spec.outputs)
    if placing.backend == "python" and graph == "log_prob" and manifest.reference is not None:
        outputs.append(TensorSpec("percentile", "float64", ["batch"]))
    parameters = {"digest": named.bundle.sha256, "graph": graph, "threads": str(placing.threads)}
    if placing.backend == "onnxruntime":
        parameters = {
            "intra_op_thread_count": str(placing.threads),
            "inter_op_thread_count": "1",
            "digest": named.bundle.sha256,
        }
    return f"""\
# {named.name}: {graph}. Made by flowexport deploy triton.
name: "{named.name}_{graph}"
backend: "{placing.backend}"

# The graphs have a first axis, `batch`, that is free. Triton owns it: a request has the shape [N, ...], N from 1 to
# this, and the axis is left out of the dims below. A larger request is refused: cut it, or raise this.
max_batch_size: {placing.max_batch}

input [
  {", ".join(map(tensor, spec.inputs))}
]

output [
  {", ".join(map(tensor, outputs))}
]

# Requests that wait are run together, up to max_batch_size rows. A delay is how long one may wait for others even while
# a copy of the model is idle: 0 adds no wait, and batches form of what came while the last one ran.
dynamic_batching {{
  max_queue_delay_microseconds: {placing.delay}
}}

{instances(placing)}
{parameter_lines(parameters)}
# Run before the model is ready, so that no client waits for the first run: a row, and a full batch.
model_warmup [
{warm_ups(spec.inputs, placing.max_batch)}
]
"""


def tensor(spec: TensorSpec) -> str:
    """An input or output, without the axis of the batch; one number a row, [batch], is [N, 1] to clients."""
    dims = ", ".join(map(str, spec.shape[1:] or [1]))
    note = "" if spec.shape[1:] else RESHAPED
    return f'{{\n    name: "{spec.name}"\n    data_type: {DATA_TYPES[spec.dtype]}\n    dims: [ {dims} ]{note}\n  }}'


def warm_ups(inputs: Sequence[TensorSpec], max_batch: int) -> str:
    """Runs of one row and of as many as are run together: of zeros, which are codes of categories too."""
    body = "\n".join(
        f'    inputs {{ key: "{each.name}" value {{ data_type: {DATA_TYPES[each.dtype]} '
        f"dims: [ {', '.join(map(str, each.shape[1:]))} ] zero_data: true }} }}"
        for each in inputs
    )
    return ",\n".join(
        f'  {{\n    name: "{size} row{"s" * (size > 1)}"\n    batch_size: {size}\n{body}\n  }}'
        for size in sorted({1, max_batch})
    )


def instances(placing: Placing) -> str:
    """The copies of a model."""
    if placing.device == "cuda":
        return f"""\
# Copies of the model, on every GPU that Triton sees. On a GPU products may be of TF32, which has too few digits for
# densities: start tritonserver with NVIDIA_TF32_OVERRIDE=0.
instance_group [ {{ kind: KIND_GPU count: {placing.instances} }} ]
"""
    return f"""\
# Copies of the model, each of which runs one batch at a time. Triton makes two on a CPU where nothing is said, each
# with as many threads as the machine has cores: count times the threads below should not be more than those.
instance_group [ {{ kind: KIND_CPU count: {placing.instances} }} ]
"""


def parameter_lines(parameters: dict[str, str]) -> str:
    """The parameters of the backend; ``digest`` is the bundle's, for whoever looks."""
    return "".join(
        f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}\n' for key, value in parameters.items()
    )
