"""Where a fold finds the weights of an image's conditioner."""

from __future__ import annotations

__all__ = ["context_linears", "first_weight", "head_parameters", "inner"]

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from flowexport.flows import Coupling
from flowexport.flows.images import ConvolutionalConditioner


def inner(conditioner: object) -> ConvolutionalConditioner:
    """The network behind a mask, or the conditioner itself."""
    network = getattr(conditioner, "network", conditioner)
    assert isinstance(network, ConvolutionalConditioner)
    return network


def first_weight(conditioner: object) -> Tensor:
    """Of the convolution that reads the image."""
    first = inner(conditioner).entry[0]
    assert isinstance(first, nn.Conv2d)
    return first.weight


def context_linears(couplings: Iterable[Coupling]) -> list[nn.Linear]:
    """Every Linear that reads the context, and nothing else."""
    networks = [inner(coupling.conditioner) for coupling in couplings]
    return [network.context for network in networks if network.context is not None]


def head_parameters(coupling: Coupling, name: str) -> Sequence[Tensor]:
    """Weight and bias of the layer that makes one parameter of a coupling. The bias comes last."""
    return list(inner(coupling.conditioner).heads[name].parameters())
