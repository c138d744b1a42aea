r"""Scales travel towards the z end.

The new program holds v where the old one has :math:`u = s v`, feature by feature.

- A network that reads u takes s into the columns of its first matrix.
- A map of a shift, :math:`\tau(s v; t) = s \, \tau(v; t / s)`, has the head of its shift divided by s, and s goes on.
- A linear layer takes s into its matrix.
- What cannot take it, a spline for instance, has one product before it.
- At the z end s is one `ScaleShift`.
"""

from __future__ import annotations

__all__ = ["scales_to_the_exit"]

from dataclasses import replace

import numpy as np

from ..networks import with_first, with_heads
from ..program import Array, Coupling, Dense, Layer, Mix, Program, ScaleShift
from .whole import turns

ROUNDED = 4 * np.finfo(np.float64).eps
"""How far from one a product of a number and its inverse may be."""


def scales_to_the_exit(program: Program) -> Program:
    """A program without `Reorder` → one whose scales are at the z end, but for those that a map cannot take."""
    parts = turns(program)
    scale = np.ones(program.features)
    layers: list[Layer] = []
    for layer in program.layers:
        if isinstance(layer, ScaleShift):
            scale = scale * layer.scale
            scale = np.where(np.abs(scale - 1) < ROUNDED, 1, scale)
            layers.append(ScaleShift(np.ones_like(scale), layer.shift / scale))
        elif isinstance(layer, Mix):
            log_det = layer.log_det + float(np.log(scale).sum())
            layers.append(Mix(layer.weight * scale, layer.inverse / scale[:, None], layer.bias, log_det))
            scale = np.ones_like(scale)
        elif isinstance(layer, Coupling):
            if layer.map.side is None and (scale[layer.moves] != 1).any():
                stuck = np.isin(np.arange(len(scale)), next(part for part in parts if np.isin(layer.moves, part).all()))
                layers.append(ScaleShift(np.where(stuck, scale, 1), np.zeros_like(scale)))
                scale = np.where(stuck, 1, scale)
            layers.append(on_scaled(layer, scale))
    layers.append(ScaleShift(scale, np.zeros_like(scale)))
    return replace(program, layers=tuple(layers))


def on_scaled(coupling: Coupling, scale: Array) -> Coupling:
    """A coupling on u = scale · v as one on v."""
    network, width = coupling.network, len(coupling.reads)
    if width:

        def stretched(dense: Dense) -> Dense:
            columns = np.ones(dense.weight.shape[1])
            columns[:width] = scale[coupling.reads]
            return Dense(dense.weight * columns, dense.bias)

        network = with_first(network, stretched)
    if coupling.map.side is not None:
        by = scale[coupling.moves]
        network = with_heads(network, shift=lambda head: Dense(head.weight / by[:, None], head.bias / by))
    return replace(coupling, network=network)
