"""Flows from plain values: what a checkpoint and a bundle keep of an architecture."""

__all__ = ["FLOWS", "architecture_of", "build"]

from collections.abc import Callable

from flowexport.errors import ArgumentError

from .defaults import REFERENCE_PAGE
from .flow import Flow
from .images import MultiScaleRealNVP
from .realnvp import ACTIVATIONS, RealNVP
from .sequence import CouplingFlow
from .univariate import make_univariate

FLOWS: dict[str, Callable[..., Flow]] = {kind.__name__: kind for kind in (CouplingFlow, MultiScaleRealNVP, RealNVP)}
"""Flows that a checkpoint can name."""


def architecture_of(flow: Flow) -> dict[str, object]:
    """The class and the arguments of a flow, as plain values.

    Raises:
        ArgumentError: for a class, an activation or a univariate map that cannot be built again by name.
    """
    name = type(flow).__name__
    if FLOWS.get(name) is not type(flow):
        raise ArgumentError(f"{name} is not one of {', '.join(FLOWS)}: it cannot be built again from its name")
    for chosen in flow.arguments.get("layers", [flow.arguments]):
        if chosen.get("activation", "ReLU") not in ACTIVATIONS:
            known = ", ".join(sorted(ACTIVATIONS))
            raise ArgumentError(f"{chosen['activation']} is not one of {known}", key="activation")
        make_univariate(chosen.get("univariate", "Affine"))
    return {"flow": name, "arguments": dict(flow.arguments)}


def build(architecture: dict[str, object]) -> Flow:
    """A flow with new weights.

    Raises:
        ArgumentError: for an unknown flow or argument.
    """
    name = architecture.get("flow")
    arguments = architecture.get("arguments")
    if not isinstance(name, str) or name not in FLOWS:
        raise ArgumentError(f"{name!r} is not one of {', '.join(FLOWS)}", key="flow")
    if not isinstance(arguments, dict):
        raise ArgumentError("not there", key="arguments")
    # Defaults may change; what an older checkpoint does not say, it means as it was then.
    spoken = {**REFERENCE_PAGE, **arguments} if FLOWS[name] is RealNVP else arguments
    try:
        return FLOWS[name](**spoken)
    except TypeError as error:
        raise ArgumentError(str(error), key=name) from error
