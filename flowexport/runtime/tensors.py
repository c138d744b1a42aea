"""Tensors of torch and cupy on a GPU, read where they lie."""

from __future__ import annotations

__all__ = ["GpuTensors", "off_host", "refuse_tensor"]

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn, TypeGuard

import numpy as np

from flowexport.errors import InputError

from .device import Device
from .engine import Tensor

if TYPE_CHECKING:
    from .cuda import CudaGraph

CUDA = 2
"""DLPack's number for memory of a GPU."""

ADAPTERS: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    "torch": (
        lambda torch, x: x.detach().contiguous(),
        lambda torch, array, like: torch.asarray(array, device=like.device),
    ),
    "cupy": (lambda cupy, x: cupy.ascontiguousarray(x), lambda cupy, array, like: cupy.asarray(array)),
}
"""Of each library: a contiguous tensor of any, and a tensor beside another of a numpy array."""


def off_host(x: object) -> TypeGuard[Tensor]:
    """Whether x is a tensor on a GPU."""
    where = getattr(x, "__dlpack_device__", None)
    return where is not None and int(where()[0]) == CUDA


def refuse_tensor(x: Tensor, device: Device) -> NoReturn:
    """What a tensor on a GPU is told by a model that is elsewhere.

    Raises:
        InputError: always.
    """
    index = x.__dlpack_device__()[1]
    raise InputError(
        "wrong_device", f"is on cuda:{index}, the model on {device}: load it there, or move x to the host", key="x"
    )


class GpuTensors:
    """Tensors of torch or cupy as a model on a GPU takes them.

    Arguments:
        x: a tensor on a GPU.
        device: the model's.
        graphs: on that device.
        block_rows: of a run.

    Raises:
        InputError: where the model is elsewhere, or the library is another.
    """

    def __init__(self, x: Tensor, device: Device, graphs: Mapping[str, CudaGraph], block_rows: int) -> None:
        if device.index != x.__dlpack_device__()[1]:
            refuse_tensor(x, device)
        name = type(x).__module__.partition(".")[0]
        if name not in ADAPTERS:
            raise InputError(
                "wrong_device", f"expected a tensor of {' or '.join(ADAPTERS)} on a GPU, got {name}'s", key="x"
            )
        self.x, self.library, self.graphs, self.block_rows = x, sys.modules[name], graphs, block_rows
        self._contiguous, self._beside = ADAPTERS[name]

    def rows(self, name: str, tensor: Tensor, row: tuple[int, ...], dtype: np.dtype) -> Tensor:
        """A tensor ``[*, *row]`` as contiguous ``[rows, *row]``.

        Raises:
            InputError: for another shape, type or device.
        """
        shape = tuple(tensor.shape)
        if len(shape) < len(row) or shape[len(shape) - len(row) :] != row:
            expected = ", ".join(["*", *map(str, row)])
            raise InputError("wrong_shape", f"expected shape [{expected}], got {list(shape)}", key=name)
        found = str(tensor.dtype).rpartition(".")[2]
        if found != dtype.name:
            raise InputError(
                "wrong_dtype", f"expected {dtype.name}, got {found}: a GPU's rows are not converted", key=name
            )
        if tensor.__dlpack_device__() != self.x.__dlpack_device__():
            raise InputError("wrong_device", "is not on the GPU that x is on", key=name)
        return self._contiguous(self.library, tensor).reshape((-1, *row))

    def moved(self, array: np.ndarray) -> Tensor:
        """An array of the host as a tensor beside x."""
        return self._beside(self.library, array, self.x)

    def spread(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """A tensor broadcast to a shape."""
        wide: Tensor = self.library.broadcast_to(tensor, shape)
        return wide

    def run(self, graph: str, inputs: Sequence[Tensor]) -> Tensor:
        """A graph over all rows, into a new tensor beside them, ``[rows, *row]``."""
        return self.graphs[graph].run_on_device(inputs, self.library, self.block_rows)
