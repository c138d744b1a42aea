"""ONNX Runtime as an engine: on the CPU, where blocks run in threads, and on a GPU, which one thread feeds."""

from __future__ import annotations

__all__ = ["OnnxRuntime", "OnnxRuntimeOnCuda"]

from collections.abc import Mapping
from typing import NoReturn

from flowexport.bundle import Bundle, known

from .blocks import fit_apart, rows_a_block, widest
from .cuda import CudaGraph
from .device import Device, require_cuda
from .engine import Quick, Signature, Tensor, in_words, signature_of
from .graph import Graph
from .tensors import GpuTensors, refuse_tensor


class OnnxRuntime:
    """A bundle in ONNX Runtime on the CPU.

    Arguments:
        bundle: open.
        device: the CPU.
        why: it was chosen.

    Raises:
        MissingExtra, DeviceError: where ONNX Runtime is not installed, or is too old.
        BundleError: for a graph that it cannot open.
    """

    name = "onnxruntime"
    title = "ONNX Runtime"
    most_threads = None
    quick = Quick()
    __repr__ = in_words

    def __init__(self, bundle: Bundle, device: Device, why: str) -> None:
        self.device, self.why, self.provider = device, why, device.provider
        self.block_rows = block_rows_of(bundle, device)
        self.graphs: Mapping[str, Graph] = {
            name: Graph(data, device, signature, where, fit_apart(bundle.spec(name), self.block_rows))
            for name, (data, signature, where) in files_of(bundle).items()
        }

    def tensors(self, x: Tensor) -> NoReturn:
        """Refuses every tensor: the CPU reads arrays."""
        refuse_tensor(x, self.device)


class OnnxRuntimeOnCuda:
    """A bundle in ONNX Runtime on a GPU.

    Arguments:
        bundle, why: as for `OnnxRuntime`.
        device: the GPU.

    Raises:
        MissingExtra, DeviceError: where ONNX Runtime is not installed, or the GPU cannot be had.
        BundleError: for a graph that it cannot open.
    """

    name = OnnxRuntime.name
    title = OnnxRuntime.title
    most_threads = 1
    quick = Quick()
    __repr__ = in_words

    def __init__(self, bundle: Bundle, device: Device, why: str) -> None:
        require_cuda(device)
        self.device, self.why, self.provider = device, why, device.provider
        self.block_rows = block_rows_of(bundle, device)
        self.graphs: Mapping[str, CudaGraph] = {
            name: CudaGraph(data, device, signature, where)
            for name, (data, signature, where) in files_of(bundle).items()
        }

    def tensors(self, x: Tensor) -> GpuTensors:
        """Tensors of torch and cupy on this GPU, and on no other."""
        return GpuTensors(x, self.device, self.graphs, self.block_rows)


def block_rows_of(bundle: Bundle, device: Device) -> int:
    """How many rows make a run."""
    return rows_a_block(bundle.manifest.event_shape, device.kind, widest(bundle.manifest.graphs.values()))


def files_of(bundle: Bundle) -> dict[str, tuple[bytes, Signature, str]]:
    """Of each graph by name: the ONNX file, what it takes and gives, and its path for messages."""
    specs = {kind.name: bundle.spec(kind.name) for kind in known(bundle.manifest.graphs)}
    return {
        name: (bundle.graph(name)[0], signature_of(spec), str(bundle.path / spec.file)) for name, spec in specs.items()
    }
