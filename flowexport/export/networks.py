"""Where a fold finds the weights of a conditioner."""

from __future__ import annotations

__all__ = ["bijection", "first_linears", "frozen", "head_parameters", "inner", "reads_features", "set_weight"]

from typing import Any

from torch import Tensor, nn

from flowexport.flows import Coupling, Inverse
from flowexport.flows.conditioner import Constant, ContextConditioner
from flowexport.flows.images import ConvolutionalConditioner


def inner(conditioner: Any) -> Any:
    """The network behind a mask, or the conditioner itself."""
    return getattr(conditioner, "network", conditioner)


def first_linears(conditioner: Any) -> list[nn.Linear]:
    """The Linears that read the conditioner's input: the trunk's first, or the heads where it is empty.

    Those of an image's conditioner read its context and nothing else.
    """
    if isinstance(conditioner, Constant):
        return []
    network = inner(conditioner)
    if isinstance(network, ConvolutionalConditioner):
        return [] if network.context is None else [network.context]
    trunk = [module for module in network.trunk if isinstance(module, nn.Linear)]
    return trunk[:1] or list(network.heads.values())


def head_parameters(coupling: Coupling, name: str) -> list[Tensor]:
    """What makes one parameter of a coupling: weight and bias of its last layer, or a constant. The bias comes last."""
    head: Any = inner(coupling.conditioner).heads[name]
    return [head] if isinstance(head, Tensor) else [head.weight, head.bias]


def reads_features(conditioner: Any) -> bool:
    """Whether the conditioner sees any feature."""
    return not isinstance(conditioner, (Constant, ContextConditioner))


def bijection(layer: Any) -> Any:
    """The univariate bijection of a coupling, in whichever direction it is used, or None of another layer."""
    univariate = getattr(layer, "univariate", None)
    return univariate.univariate if isinstance(univariate, Inverse) else univariate


def set_weight(linear: nn.Linear, weight: Tensor) -> None:
    """Gives a Linear a weight of another shape."""
    linear.weight = frozen(weight)
    linear.out_features, linear.in_features = weight.shape


def frozen(tensor: Tensor) -> nn.Parameter:
    """A parameter that is not trained any more."""
    return nn.Parameter(tensor, requires_grad=False)
