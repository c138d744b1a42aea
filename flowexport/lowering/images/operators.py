"""ONNX operators that torch has no name for, so that one call becomes one node."""

__all__ = ["TRANSLATIONS", "add_all", "depth_to_space", "softsign", "space_to_depth"]

from collections.abc import Callable, Sequence

import torch
from onnxscript import opset18
from torch import Tensor

from flowexport.flows.images import Squeeze

SQUEEZE = Squeeze()


@torch.library.custom_op("flowexport::softsign", mutates_args=())
def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|): torch would export three nodes, ONNX has one, which ONNX Runtime fuses into a Gemm."""
    return torch.nn.functional.softsign(x)


@softsign.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


@torch.library.custom_op("flowexport::add_all", mutates_args=())
def add_all(terms: Sequence[Tensor]) -> Tensor:
    """The sum of tensors of one shape: a single Sum instead of a chain of Adds."""
    return torch.stack(list(terms)).sum(0)


@add_all.register_fake
def _(terms: Sequence[Tensor]) -> Tensor:
    return torch.empty_like(terms[0])


@torch.library.custom_op("flowexport::space_to_depth", mutates_args=())
def space_to_depth(x: Tensor) -> Tensor:
    """`flowexport.flows.images.Squeeze`: torch would export a Transpose between two Reshapes."""
    squeezed: Tensor = SQUEEZE(x).contiguous()
    return squeezed


@space_to_depth.register_fake
def _(x: Tensor) -> Tensor:
    rows, channels, height, width = x.shape
    return x.new_empty(rows, 4 * channels, height // 2, width // 2)


@torch.library.custom_op("flowexport::depth_to_space", mutates_args=())
def depth_to_space(y: Tensor) -> Tensor:
    """The inverse of `space_to_depth`."""
    return SQUEEZE.inverse(y).contiguous()


@depth_to_space.register_fake
def _(y: Tensor) -> Tensor:
    rows, channels, height, width = y.shape
    return y.new_empty(rows, channels // 4, 2 * height, 2 * width)


TRANSLATIONS: dict[Callable[..., object], Callable[..., object]] = {
    torch.ops.flowexport.softsign.default: lambda x: opset18.Softsign(x),
    torch.ops.flowexport.add_all.default: lambda terms: opset18.Sum(*terms),
    torch.ops.flowexport.space_to_depth.default: lambda x: opset18.SpaceToDepth(x, blocksize=2),
    torch.ops.flowexport.depth_to_space.default: lambda y: opset18.DepthToSpace(y, blocksize=2, mode="DCR"),
}
"""For `flowexport.lowering.exporter.exported`."""
