"""Flows of the reference page: those that most properties are tested on, since they are small and known."""

from typing import Any

from flowexport.flows import RealNVP
from flowexport.flows.defaults import REFERENCE_PAGE


def reference_flow(features: int, *positional: Any, **arguments: Any) -> RealNVP:
    """A flow that has the defaults of the reference page where nothing is said."""
    return RealNVP(features, *positional, **REFERENCE_PAGE | arguments)
