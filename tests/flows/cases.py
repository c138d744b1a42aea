"""The flows that every general property is tested over: a new flow is one line here."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from flowexport.flows import Flow, RealNVP


def standardised(flow: Flow) -> Flow:
    """The flow in units of its own: random means and scales, of the context too."""
    for layer in (flow.standardize, flow.standardize_context):
        if layer is not None:
            layer.fit(3 * torch.randn_like(layer.mean), torch.randn_like(layer.scale).exp())
    return flow


CASES: dict[str, Callable[[], Flow]] = {
    "default": lambda: RealNVP(4),
    "one feature": lambda: RealNVP(1, hidden_features=(8,)),
    "one feature, context": lambda: RealNVP(1, context=2, hidden_features=(8,)),
    "one feature, context, no hidden layer": lambda: RealNVP(1, context=2, hidden_features=()),
    "one layer": lambda: RealNVP(2, transforms=1, hidden_features=(8,)),
    "two features": lambda: RealNVP(2, hidden_features=(8,)),
    "odd features": lambda: RealNVP(5, transforms=4, hidden_features=(8,)),
    "context": lambda: RealNVP(4, context=3, hidden_features=(8, 6)),
    "context of one": lambda: RealNVP(3, context=1, hidden_features=(8,)),
    "random masks": lambda: RealNVP(6, randmask=True, hidden_features=(8,)),
    "random masks, odd features, context": lambda: RealNVP(5, context=2, randmask=True, hidden_features=(8,)),
    "random masks, two features": lambda: RealNVP(2, randmask=True, hidden_features=(8,)),
    "random masks, no hidden layer": lambda: RealNVP(4, context=1, randmask=True, hidden_features=()),
    "no hidden layer": lambda: RealNVP(4, hidden_features=()),
    "Tanh": lambda: RealNVP(3, context=1, hidden_features=(8,), activation=nn.Tanh),
    "SiLU by name": lambda: RealNVP(3, hidden_features=(8,), activation="SiLU"),
    "standardised": lambda: standardised(RealNVP(4, hidden_features=(8,))),
    "standardised, context": lambda: standardised(RealNVP(3, context=2, hidden_features=(8,))),
    "standardised, random masks": lambda: standardised(RealNVP(4, context=1, randmask=True, hidden_features=(8,))),
}


def make(name: str, seed: int = 0, dtype: torch.dtype = torch.float64) -> Flow:
    """A case with the weights of a seed."""
    torch.manual_seed(seed)
    return CASES[name]().to(dtype)


def rows(flow: Flow, *shape: int) -> Tensor:
    """Points around the flow's own data, ``[*shape, features]``."""
    mean, scale = flow.standardize.mean, flow.standardize.scale
    return mean + 1.5 * scale * torch.randn(*shape, flow.features, dtype=mean.dtype)


def context(flow: Flow, *shape: int) -> Tensor | None:
    """Contexts of the flow's own units, ``[*shape, context]``, or None where it takes none."""
    layer = flow.standardize_context
    if layer is None:
        return None
    return layer.mean + layer.scale * torch.randn(*shape, flow.context, dtype=layer.mean.dtype)
