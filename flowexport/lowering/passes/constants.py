"""Maps whose parameters are the same for every row are no work of a network."""

from __future__ import annotations

__all__ = ["without_constants"]

from dataclasses import replace

import numpy as np

from ..maps import forward
from ..networks import depends_on_nothing
from ..program import Coupling, Inverse, Layer, Map, Program, Scaled, ScaleShift, Shift


def without_constants(program: Program) -> Program:
    """A program → one in which no map of constant parameters is affine: it is a `ScaleShift`."""
    layers = tuple(as_scale_and_shift(layer, program.features) for layer in program.layers)
    return replace(program, layers=layers)


def as_scale_and_shift(layer: Layer, features: int) -> Layer:
    if not isinstance(layer, Coupling) or not is_affine(layer.map) or not depends_on_nothing(layer.network):
        return layer
    parameters = [layer.network.heads[name].bias[None] for name in layer.map.sizes]
    at_zero, log_scale = forward(layer.map, np.zeros((1, len(layer.moves))), *parameters)
    scale, shift = np.ones(features), np.zeros(features)
    shift[layer.moves] = at_zero[0]
    if log_scale is not None:
        scale[layer.moves] = np.exp(log_scale[0])
    return ScaleShift(scale, shift)


def is_affine(kind: Map) -> bool:
    return isinstance(kind.map if isinstance(kind, Inverse) else kind, (Shift, Scaled))
