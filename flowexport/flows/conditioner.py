"""Conditioners: the networks that turn the kept features and the context into a bijection's parameters."""

__all__ = ["Conditioner", "Constant", "ContextConditioner", "MaskedConditioner"]

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn


class Conditioner(nn.Module):
    """A multi-layer perceptron with one Linear a parameter at its end.

    Two heads, shift and log scale, instead of one interleaved output: each is read by its own operator, so
    nothing has to be split again, neither in training nor in the exported graph.

    Arguments:
        in_features: kept features plus context features.
        features: how many features are moved.
        sizes: parameter name → numbers a feature.
        hidden_features: width of each hidden layer; may be empty.
        activation: constructor of the activation between layers.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        sizes: Mapping[str, int],
        hidden_features: Sequence[int],
        activation: Callable[[], nn.Module],
    ) -> None:
        super().__init__()
        widths = [in_features, *hidden_features]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), activation()]
        self.trunk = nn.Sequential(*layers)
        self.heads: Any = nn.ModuleDict({name: nn.Linear(widths[-1], features * size) for name, size in sizes.items()})
        self.sizes = dict(sizes)

    def forward(self, kept: Tensor, context: Tensor | None) -> tuple[Tensor, ...]:
        """``[*, kept]`` and ``[*, context]`` → a tensor ``[*, features]`` (or ``[*, features, size]``) each."""
        hidden = self.trunk(kept if context is None else torch.cat([kept, context], dim=-1))
        return tuple(shaped(self.heads[name](hidden), size) for name, size in self.sizes.items())


class MaskedConditioner(nn.Module):
    """A conditioner on the whole vector, which sees the kept features and speaks to the others.

    What it says to a kept feature is zero, and zero parameters are the identity. Export folds the mask into
    the weights, as columns and rows of zeros.

    Arguments:
        network: on all features and the context, with parameters for all features.
        mask: ``[features]``, True where the feature is kept.
    """

    mask: Tensor

    def __init__(self, network: Conditioner, mask: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mask", mask)

    def forward(self, kept: Tensor, context: Tensor | None) -> tuple[Tensor, ...]:
        parameters = self.network(kept.masked_fill(~self.mask, 0), context)
        return tuple(
            parameter.masked_fill(self.mask if size == 1 else self.mask[:, None], 0)
            for parameter, size in zip(parameters, self.network.sizes.values(), strict=True)
        )


class ContextConditioner(Conditioner):
    """A conditioner that sees the context alone: that of a single feature, which has nothing to keep."""

    def forward(self, kept: Tensor, context: Tensor | None) -> tuple[Tensor, ...]:
        assert context is not None
        return super().forward(context, None)


class Constant(nn.Module):
    """Parameters that depend on nothing: the conditioner of a single feature without context.

    They come as ``[features]`` and broadcast against any batch.
    """

    def __init__(self, features: int, sizes: Mapping[str, int]) -> None:
        super().__init__()
        self.heads = nn.ParameterDict({name: torch.randn(features * size) for name, size in sizes.items()})
        self.sizes = dict(sizes)

    def forward(self, kept: Tensor, context: Tensor | None) -> tuple[Tensor, ...]:
        return tuple(shaped(self.heads[name], size) for name, size in self.sizes.items())


def shaped(parameter: Tensor, size: int) -> Tensor:
    """One number a feature stays ``[*, features]``; more become a last axis of their own."""
    return parameter if size == 1 else parameter.unflatten(-1, (-1, size))
