"""Two ONNX operators that torch has no name for, so that one call becomes one node."""

__all__ = ["TRANSLATIONS", "add_all", "softsign"]

from collections.abc import Callable, Sequence
from typing import Any

import torch
from onnxscript import opset18
from torch import Tensor


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


TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.ops.flowexport.softsign.default: lambda x: opset18.Softsign(x),
    torch.ops.flowexport.add_all.default: lambda terms: opset18.Sum(*terms),
}
"""For ``torch.onnx.export(custom_translation_table=…)``."""
