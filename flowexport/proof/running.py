"""A graph on the inputs of a case."""

from __future__ import annotations

__all__ = ["attempt", "run_case"]

from collections.abc import Callable, Mapping

import numpy as np

from flowexport.bundle import GRAPHS
from flowexport.errors import BundleError, InputError
from flowexport.runtime import Model


def run_case(model: Model, graph: str, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """A graph on the inputs of a case."""
    return model.run(graph, inputs[GRAPHS[graph].first], inputs.get("context"))


def attempt(run: Callable[[], np.ndarray]) -> np.ndarray | str:
    """The result, or the reason why there is none."""
    try:
        return run()
    except (BundleError, InputError) as error:
        return str(error)
