"""Where a fold finds the weights of an image's conditioner."""

from __future__ import annotations

__all__ = ["context_linears", "head_parameters", "inner"]

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from flowexport.flows import Coupling


def inner(conditioner: object) -> Any:
    """The network behind a mask, or the conditioner itself."""
    return getattr(conditioner, "network", conditioner)


def context_linears(couplings: Iterable[Coupling]) -> list[nn.Linear]:
    """Every Linear that reads the context, and nothing else."""
    networks = [inner(coupling.conditioner) for coupling in couplings]
    return [network.context for network in networks if network.context is not None]


def head_parameters(coupling: Coupling, name: str) -> list[Tensor]:
    """Weight and bias of the layer that makes one parameter of a coupling. The bias comes last."""
    head = inner(coupling.conditioner).heads[name]
    return [head.weight, head.bias]
