"""Conditioners: the networks that turn the kept features and the context into a bijection's parameters."""

from __future__ import annotations

__all__ = ["Conditioner", "Constant", "ContextConditioner", "MaskedConditioner", "Network", "ResidualBlock"]

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from .recorded import written_out

EPSILON = 1e-5
"""What a layer norm adds to variances, in torch and in zuko."""


@dataclass(frozen=True)
class Network:
    """What the trunk of a conditioner is made of.

    Arguments:
        hidden_features: width of each hidden layer; may be empty.
        activation: constructor of the activation between layers.
        residual: whether the hidden layers after the first are `ResidualBlock`; all widths must then be equal.
        layer_norm: whether hidden layers are normalised: after each activation, or before it in a residual block.
            ``"unbiased"`` takes the unbiased variance, as zuko does.
        dropout: the fraction of hidden numbers that is dropped in training.
    """

    hidden_features: Sequence[int]
    activation: Callable[[], nn.Module]
    residual: bool = False
    layer_norm: bool | str = False
    dropout: float = 0.0

    def trunk(self, in_features: int) -> nn.Sequential:
        """The hidden layers, ``[*, in_features]`` → ``[*, width of the last]``."""
        layers: list[nn.Module] = []
        if self.residual:
            layers.append(nn.Linear(in_features, self.hidden_features[0]))
            layers += [ResidualBlock(width, self) for width in self.hidden_features]
        else:
            for before, after in pairwise([in_features, *self.hidden_features]):
                layers += [nn.Linear(before, after), self.activation(), *self.norm(after), *self.drop()]
        return nn.Sequential(*layers)

    def norm(self, width: int) -> list[nn.Module]:
        if not self.layer_norm:
            return []
        if self.layer_norm != "unbiased":
            return [nn.LayerNorm(width)]
        # (x − m) / √(v n / (n − 1) + ε), written with the biased variance v that LayerNorm has.
        share = (width - 1) / width
        norm = nn.LayerNorm(width, eps=share * EPSILON)
        nn.init.constant_(norm.weight, math.sqrt(share))
        return [norm]

    def drop(self) -> list[nn.Module]:
        return [nn.Dropout(self.dropout)] if self.dropout else []


class ResidualBlock(nn.Module):
    r"""Two layers beside an identity, with the activation before each.

    .. math:: y = h + W_2 \, \phi(W_1 \, \phi(h) + b_1) + b_2

    References:
        Identity Mappings in Deep Residual Networks (He et al., 2016), figure 1b, https://arxiv.org/abs/1603.05027

    Arguments:
        width: of h and y.
        network: what is between the layers.
    """

    def __init__(self, width: int, network: Network) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *network.norm(width),
            network.activation(),
            nn.Linear(width, width),
            *network.norm(width),
            network.activation(),
            *network.drop(),
            nn.Linear(width, width),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        further: Tensor = hidden + self.branch(hidden)
        return further


class Conditioner(nn.Module):
    """A network with one Linear a parameter at its end.

    Several heads, shift and log scale for instance, instead of one interleaved output: each is read by its own
    operator, so nothing has to be split again, neither in training nor in the exported graph.

    Arguments:
        in_features: kept features plus the width of the encoded context.
        features: how many features are moved.
        sizes: parameter name → numbers a feature.
        network: the hidden layers.
    """

    def __init__(self, in_features: int, features: int, sizes: Mapping[str, int], network: Network) -> None:
        super().__init__()
        self.trunk = network.trunk(in_features)
        width = [in_features, *network.hidden_features][-1]
        self.heads = nn.ModuleDict({name: nn.Linear(width, features * size) for name, size in sizes.items()})
        self.sizes = dict(sizes)

    def forward(self, kept: Tensor, context: Tensor | None) -> tuple[Tensor, ...]:
        """``[*, kept]`` and ``[*, context]`` → a tensor ``[*, features]`` (or ``[*, features, size]``) each."""
        x = kept if context is None else torch.cat([kept, context], dim=-1)
        by_hand = written_out(x)
        found = None if by_hand is None else by_hand.through_network(self, x)
        if found is None:
            hidden = self.trunk(x)
            found = tuple(self.heads[name](hidden) for name in self.sizes)
        return tuple(map(shaped, found, self.sizes.values()))


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
    """A conditioner that sees the context alone: that of a single feature, or of a base that moves with the context."""

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
