r"""Shifts travel back towards the x end, to where their feature was last moved.

An addition of b behind a coupling is one before it, for each feature that the coupling does not move, and goes out of
the bias of its network where that reads the feature. For one that it moves by :math:`\tau(x) + t`, b goes into the bias
of t; behind any other map, a spline for instance, it stays. A linear layer takes it into its bias, and at the entrance
it goes into the mean.

What stays goes on to the z end, by the same rules the other way round: into the bias of networks that read the feature,
into the next linear layer, and into the next map that takes its shift off before it scales, :math:`\tau(x - t)`. Only
what no map can take, between two splines for instance, is an addition in the graph.
"""

from __future__ import annotations

__all__ = ["shifts_onward", "shifts_to_the_entrance"]

from dataclasses import replace

import numpy as np

from ..networks import with_first, with_heads
from ..program import Array, Coupling, Dense, Layer, Mix, Program, ScaleShift


def shifts_to_the_entrance(program: Program) -> Program:
    """A program without `Reorder` → one in which every shift of a `ScaleShift` stands behind a map that cannot take it.

    `ScaleShift` that do nothing are left out.
    """
    shift = np.zeros(program.features)
    layers: list[Layer] = []
    for layer in reversed(program.layers):
        if isinstance(layer, ScaleShift):
            shift = layer.shift + shift
            if (layer.scale != 1).any():
                layers.append(ScaleShift(layer.scale, np.zeros_like(shift)))
                shift = shift / layer.scale
        elif isinstance(layer, Mix):
            layers.append(replace(layer, bias=layer.bias + shift))
            shift = np.zeros_like(shift)
        elif isinstance(layer, Coupling):
            here = np.zeros_like(shift)
            here[layer.moves] = shift[layer.moves]
            before = shift - here
            if layer.map.side == "after":
                layer = with_shift(layer, here)
            elif here.any():
                layers.append(ScaleShift(np.ones_like(here), here))
            layers.append(with_reads_shifted(layer, -before))
            shift = before
    return replace(program, layers=tuple(reversed(layers)), mean=program.mean - shift)


def shifts_onward(program: Program) -> Program:
    """What `shifts_to_the_entrance` gives → a program in which every shift stands before a map that cannot take it."""
    shift = np.zeros(program.features)
    layers: list[Layer] = []
    for layer in program.layers:
        if isinstance(layer, ScaleShift):
            shift = shift * layer.scale + layer.shift
            if (layer.scale != 1).any():
                layers.append(ScaleShift(layer.scale, np.zeros_like(shift)))
        elif isinstance(layer, Mix):
            layers.append(replace(layer, bias=layer.bias + layer.weight @ shift))
            shift = np.zeros_like(shift)
        elif isinstance(layer, Coupling):
            here = np.zeros_like(shift)
            here[layer.moves] = shift[layer.moves]
            if layer.map.side == "before":
                layer = with_shift(layer, -here)
            elif here.any():
                layers.append(ScaleShift(np.ones_like(here), here))
            shift = shift - here
            layers.append(with_reads_shifted(layer, shift))
    if shift.any():
        layers.append(ScaleShift(np.ones_like(shift), shift))
    return replace(program, layers=tuple(layers))


def with_reads_shifted(coupling: Coupling, by: Array) -> Coupling:
    """A coupling that reads v as if it were v + by."""
    read = by[coupling.reads]
    if not read.any():
        return coupling
    network = with_first(
        coupling.network, lambda dense: Dense(dense.weight, dense.bias + dense.weight[:, : len(read)] @ read)
    )
    return replace(coupling, network=network)


def with_shift(coupling: Coupling, by: Array) -> Coupling:
    """A coupling with more of a shift."""
    more = by[coupling.moves]
    network = with_heads(coupling.network, shift=lambda head: Dense(head.weight, head.bias + more))
    return replace(coupling, network=network)
