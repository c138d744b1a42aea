"""A user's own univariate map, which a program holds by what it does."""

from __future__ import annotations

__all__ = ["opaque"]

import copy
from typing import Any

import numpy as np
import torch

from .program import Array, Opaque


def opaque(univariate: Any) -> Opaque:
    """A univariate map of torch that keeps the contract of `flowexport.flows.univariate`."""

    def runs(direction: str) -> Any:
        @torch.no_grad()
        def run(x: Array, *parameters: Array) -> tuple[Array, Array | None]:
            tensors = [torch.from_numpy(np.ascontiguousarray(each)) for each in (x, *parameters)]
            module = copy.deepcopy(univariate).to(tensors[0].dtype)
            y, log_det = getattr(module, direction)(*tensors)
            return y.numpy(), None if log_det is None else log_det.numpy()

        return run

    return Opaque(
        dict(univariate.sizes),
        getattr(univariate, "shift_side", None),
        runs("forward_and_log_det"),
        runs("inverse_and_log_det"),
    )
