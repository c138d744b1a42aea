"""One graph of a bundle, open on a GPU: buffers that stay there, and CUDA graphs."""

from __future__ import annotations

__all__ = ["CudaGraph"]

import math
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowexport.errors import DeviceError

from .device import Device, driver, import_onnxruntime
from .engine import Signature, Tensor
from .graph import KEPT_SHAPES, Graph

if TYPE_CHECKING:
    from onnxruntime import IOBinding, OrtValue, RunOptions

CAPTURED_ROWS = 1 << 12
"""Up to so many rows the launches of kernels cost more than the kernels: repeated shapes become CUDA graphs."""


class Resident(NamedTuple):
    """Buffers on the GPU for a number of rows, which a CUDA graph has captured."""

    binding: IOBinding
    inputs: tuple[OrtValue, ...]
    output: OrtValue
    options: RunOptions


class CudaGraph(Graph):
    """A session on a GPU. Threads take turns; it does not survive a fork.

    Arguments:
        data, device, signature, where: as for `Graph`.
    """

    def __init__(self, data: bytes, device: Device, signature: Signature, where: str) -> None:
        super().__init__(data, device, signature, where)
        self._few = -1  # no number of rows is run in buffers of the host
        onnxruntime = import_onnxruntime()
        self._values, self._options = onnxruntime.OrtValue, onnxruntime.RunOptions
        self._uncaptured = self._run_options(-1)
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._residents: dict[int, Resident] = {}

    def run_into(self, inputs: Sequence[np.ndarray], out: np.ndarray) -> None:
        """One run on arrays of the host, by way of buffers on the GPU."""
        arrays = [np.ascontiguousarray(given, self.signature.dtype) for given in inputs]
        with self._turn():
            resident = self._resident(len(out)) or self._buffers(len(out), self._uncaptured)
            for buffer, array in zip(resident.inputs, arrays, strict=True):
                buffer.update_inplace(array)
            self._run(resident.binding, resident.options)
            out[...] = resident.output.numpy()

    def run_on_device(self, tensors: Sequence[Tensor], library: ModuleType, block_rows: int) -> Tensor:
        """Contiguous tensors of the graph's type on this GPU → a new one there, ``[rows, *row]``.

        Nothing is copied to the host, and of many rows nothing is copied at all.

        Arguments:
            tensors: an input each, in the order of the signature.
            library: whose they are, with a ``from_dlpack``.
            block_rows: of a run.
        """
        rows = len(tensors[0])
        with self._turn():
            resident = self._resident(rows)
            if resident is None:
                whole: Tensor = library.from_dlpack(self._run_in_blocks(tensors, rows, block_rows))
                return whole
            for buffer, tensor in zip(resident.inputs, tensors, strict=True):
                library.from_dlpack(buffer)[...] = tensor
            synchronize()
            self._run(resident.binding, resident.options)
            out = library.from_dlpack(resident.output)
            copy = library.empty_like(out)
            copy[...] = out
            synchronize()  # before the next run overwrites it
            result: Tensor = copy
            return result

    def _run_in_blocks(self, tensors: Sequence[Tensor], rows: int, block_rows: int) -> OrtValue:
        """The output of all rows as a value on the GPU, from inputs that are read where they lie."""
        given = [self._values.from_dlpack(tensor) for tensor in tensors]
        out = self._value_of(rows, self.signature.row)
        synchronize()
        for start in range(0, rows, block_rows):
            span = start, min(start + block_rows, rows)
            binding = self.session.io_binding()
            for (name, row), value in zip(self.signature.inputs.items(), given, strict=True):
                binding.bind_input(name, *self._place(value, row, *span))
            binding.bind_output(self.signature.output, *self._place(out, self.signature.row, *span))
            self._run(binding, self._uncaptured)
        return out

    def _place(self, value: OrtValue, row: tuple[int, ...], start: int, stop: int) -> tuple[object, ...]:
        """Some rows of a value as a binding takes them: device, type, shape and address."""
        dtype = self.signature.dtype
        address = value.data_ptr() + start * math.prod(row) * dtype.itemsize
        return self.device.kind, self.device.index, dtype, [stop - start, *row], address

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One thread at a time, in the process that opened the session.

        Raises:
            DeviceError: in a forked child.
        """
        if self._process != os.getpid():
            raise DeviceError("a model on a GPU does not survive a fork: load it in the child")
        with self._lock:
            yield

    def _resident(self, rows: int) -> Resident | None:
        """The buffers of a number of rows and the CUDA graph over them, where there is room for one."""
        if rows not in self._residents and (not 0 < rows <= CAPTURED_ROWS or len(self._residents) == KEPT_SHAPES):
            return None
        if rows not in self._residents:
            self._residents[rows] = self._buffers(rows, self._run_options(len(self._residents) + 1))
        return self._residents[rows]

    def _buffers(self, rows: int, options: RunOptions) -> Resident:
        inputs = tuple(self._value_of(rows, row) for row in self.signature.inputs.values())
        output = self._value_of(rows, self.signature.row)
        binding = self.session.io_binding()
        for name, buffer in zip(self.signature.inputs, inputs, strict=True):
            binding.bind_ortvalue_input(name, buffer)
        binding.bind_ortvalue_output(self.signature.output, output)
        return Resident(binding, inputs, output, options)

    def _value_of(self, rows: int, row: tuple[int, ...]) -> OrtValue:
        """Memory on the GPU for rows, not initialised."""
        make = self._values.ortvalue_from_shape_and_type
        return make([rows, *row], self.signature.dtype, self.device.kind, self.device.index)

    def _run_options(self, graph: int) -> RunOptions:
        """Options of a run that is captured as the CUDA graph of that number, or not for −1."""
        options = self._options()
        options.add_run_config_entry("gpu_graph_id", str(graph))
        return options


def synchronize() -> None:
    """Waits for all that was asked of the current GPU, by whichever library.

    Raises:
        DeviceError: where the driver reports a fault.
    """
    status = driver().cuCtxSynchronize()
    if status:
        raise DeviceError(f"the NVIDIA driver reports status {status} of what ran before")
