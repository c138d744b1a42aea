"""A flow of images in the form that is exported."""

from __future__ import annotations

__all__ = ["Images"]

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from flowexport.flows import Flow

from ..activations import SMOOTH, off
from ..form import Form, emitter, moved
from ..program import Array
from .folds import fold_all
from .graphs import image_graph
from .lean import LeanImages


@dataclass(frozen=True)
class Images:
    """`flowexport.lowering.form.Form` by a folded module."""

    lean: LeanImages

    @classmethod
    def of(cls, flow: Flow) -> Images:
        return cls(fold_all(LeanImages(flow)))

    @torch.no_grad()
    def log_prob(self, x: Array, context: Array | None) -> Array:
        return self.lean.log_prob(torch.from_numpy(x), tensor(context)).numpy()

    @torch.no_grad()
    def sample(self, z: Array, context: Array | None) -> Array:
        return self.lean.sample(torch.from_numpy(z), tensor(context)).numpy()

    @torch.no_grad()
    def rounded(self, draw: np.random.Generator) -> Form:
        lean = copy.deepcopy(self.lean)
        for constant in [*lean.parameters(), *lean.buffers()]:
            if constant.is_floating_point():
                constant.copy_(torch.from_numpy(moved(constant.numpy(), draw)))

        def after(activation: nn.Module, given: tuple[Tensor], result: Tensor) -> Tensor:
            return result + torch.from_numpy(off(given[0].numpy(), draw))

        for module in lean.modules():
            if type(module).__name__ in SMOOTH:
                module.register_forward_hook(after)
        return Images(lean.float())

    def graph(self, name: str, dtype: str) -> bytes:
        emitter(name)
        return image_graph(copy.deepcopy(self.lean).to(getattr(torch, dtype)), name)


def tensor(array: Array | None) -> Tensor | None:
    return None if array is None else torch.from_numpy(array)
