"""A user's own univariate map, which a program holds by what it does, and a graph by what torch's exporter writes."""

from __future__ import annotations

__all__ = ["opaque"]

import copy
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from .program import Array, Opaque

EXAMPLE_ROWS = 3
"""Rows of the example batch; one would freeze the axis, two are taken for granted by some kernels."""


def opaque(univariate: nn.Module, sizes: Mapping[str, int]) -> Opaque:
    """A univariate map of torch that keeps the contract of `flowexport.flows.univariate`."""

    def runs(direction: str) -> Callable[..., tuple[Array, Array | None]]:
        @torch.no_grad()
        def run(x: Array, *parameters: Array) -> tuple[Array, Array | None]:
            tensors = [torch.from_numpy(np.ascontiguousarray(each)) for each in (x, *parameters)]
            y, log_det = OneWay(univariate, direction, tensors[0].dtype).both(*tensors)
            return y.numpy(), None if log_det is None else log_det.numpy()

        return run

    same = Same(alike(univariate), univariate, sizes)

    def traced(direction: str, features: int, batch: Sequence[bool], dtype: np.dtype) -> onnx.GraphProto:
        return graph_of(same, f"{direction}_and_log_det", features, tuple(batch), dtype)

    ways = runs("forward_and_log_det"), runs("inverse_and_log_det")
    return Opaque(dict(sizes), getattr(univariate, "shift_side", None), *ways, traced)


class OneWay(nn.Module):
    """A univariate map in one direction and one type."""

    def __init__(self, univariate: nn.Module, direction: str, dtype: torch.dtype) -> None:
        super().__init__()
        self.univariate = copy.deepcopy(univariate).to(dtype)
        self.direction = direction

    def both(self, *given: Tensor) -> tuple[Tensor, Tensor | None]:
        y, log_det = getattr(self.univariate, self.direction)(*given)
        return y, log_det

    def forward(self, x: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        return tuple(each for each in self.both(x, *parameters) if each is not None)


@dataclass(frozen=True)
class Same:
    """A map that is the same as another of the same key: the couplings of a flow have one each, mostly alike."""

    key: object
    univariate: nn.Module = field(compare=False)
    sizes: Mapping[str, int] = field(compare=False)


def alike(univariate: nn.Module) -> object:
    """What two maps have in common that do the same; of one that cannot be told, nothing is in common with another."""
    try:
        return pickle.dumps(univariate)
    # Whatever a user's class raises.
    except Exception:
        return object()


@lru_cache(maxsize=16)
def graph_of(same: Same, direction: str, features: int, batch: tuple[bool, ...], dtype: np.dtype) -> onnx.GraphProto:
    """A map in one direction, as torch's exporter writes it, which takes most of a second."""
    from .exporter import exported  # takes a second, and most flows need none of it

    sizes = same.sizes
    kind = torch.float32 if dtype == np.float32 else torch.float64
    shapes = [[features] if size == 1 else [features, size] for size in sizes.values()]
    rows = [EXAMPLE_ROWS if free else 1 for free in batch]
    example = [torch.zeros(EXAMPLE_ROWS, features, dtype=kind)]
    example += [torch.zeros(count, *shape, dtype=kind) for count, shape in zip(rows, shapes, strict=True)]
    axis = {0: torch.export.Dim("batch")}
    axes = axis, tuple(axis if free else None for free in batch)
    module = OneWay(same.univariate, direction, kind)
    return exported(module, ["x", *sizes], None, {}, args=tuple(example), dynamic_shapes=axes).graph
