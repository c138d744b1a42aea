"""The layers of a coupling flow, put together."""

from __future__ import annotations

__all__ = ["conditional_normal", "coupling_of", "couplings_of", "interleaved", "parts_of", "stack_of"]

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from .conditioner import Conditioner, Constant, ContextConditioner, MaskedConditioner, Network
from .contracts import UnivariateMap
from .coupling import Coupling
from .stack import HalvesStack, PerPart, Stack, WholeStack
from .univariate import Affine


def parts_of(features: int, masks: Tensor | None, may_split: bool) -> list[int]:
    """The sizes of the parts that a stack works on.

    Two where each mask is the complement of the one before, since two halves then stay two tensors; otherwise the
    whole vector.

    Arguments:
        features: their number.
        masks: ``[transforms, features]``, True where a feature is kept; None for a single feature.
        may_split: whether no layer needs the whole vector, and no mask is only known with the weights.
    """
    if masks is None or not may_split or any(not torch.equal(a, ~b) for a, b in pairwise(masks)):
        return [features]
    kept = int(masks[0].sum())
    return [kept, features - kept]


def couplings_of(
    parts: Sequence[int],
    masks: Tensor | None,
    context: int,
    make_univariate: Callable[[], UnivariateMap],
    network: Network,
    transforms: int,
) -> list[Coupling]:
    """The couplings of a stack, with new weights.

    Arguments:
        parts: from `parts_of`.
        masks: ``[transforms, features]``, or None for a single feature.
        context: the width of the encoded context.
        make_univariate: makes the univariate bijection.
        network: the hidden layers of the conditioners.
        transforms: how many.
    """
    return [
        coupling_of(parts, None if masks is None else masks[layer], context, make_univariate, network)
        for layer in range(transforms)
    ]


def coupling_of(
    parts: Sequence[int],
    mask: Tensor | None,
    context: int,
    make_univariate: Callable[[], UnivariateMap],
    network: Network,
) -> Coupling:
    """A coupling with new weights; its arguments are those of `couplings_of`, with one mask, ``[features]``."""
    univariate = make_univariate()
    sizes = univariate.sizes
    conditioner: nn.Module
    if mask is None:
        conditioner = ContextConditioner(context, 1, sizes, network) if context else Constant(1, sizes)
    elif len(parts) == 2:
        kept = int(mask.sum())
        conditioner = Conditioner(kept + context, len(mask) - kept, sizes, network)
    else:
        conditioner = MaskedConditioner(Conditioner(parts[0] + context, parts[0], sizes, network), mask)
    if getattr(univariate, "starts_as_identity", False):
        silence(conditioner)
    return Coupling(conditioner, univariate)


def interleaved(
    couplings: Sequence[Coupling],
    parts: Sequence[int],
    normalize: Callable[[int], nn.Module] | None,
    mix: Callable[[int], nn.Module] | None,
) -> list[nn.Module]:
    """Couplings, with a normalisation after each and a mixing of the whole vector between two, where there are such."""
    layers: list[nn.Module] = []
    for number, coupling in enumerate(couplings, 1):
        layers.append(coupling)
        if normalize is not None:
            layers.append(PerPart(normalize(size) for size in parts))
        if mix is not None and number < len(couplings):
            layers.append(PerPart(mix(size) for size in parts))
    return layers


def stack_of(parts: Sequence[int], masks: Tensor | None, layers: Sequence[nn.Module]) -> Stack:
    """The stack that works on these parts."""
    if masks is not None and len(parts) == 2:
        return HalvesStack(masks[0], layers)
    return WholeStack(layers)


def conditional_normal(parts: Sequence[int], context: int, transforms: int) -> list[nn.Module]:
    """The last layers that turn standard normals into normals whose mean and scale are linear in the context.

    They are couplings that keep nothing. On two parts they move one and then the other, as the next two couplings of
    the stack would.
    """
    linear = Network((), nn.Identity)
    layers: list[nn.Module] = []
    for number in range(len(parts)):
        size = parts[(transforms + number + 1) % len(parts)]
        conditioner = ContextConditioner(context, size, Affine.sizes, linear)
        silence(conditioner)
        layers.append(Coupling(conditioner, Affine()))
    return layers


@torch.no_grad()
def silence(conditioner: nn.Module) -> None:
    """Sets what makes the parameters of a map to zero, so that the bijection starts as the identity."""
    network = conditioner.network if isinstance(conditioner, MaskedConditioner) else conditioner
    for parameter in network.get_submodule("heads").parameters():
        parameter.zero_()
