"""Reorderings become other index sets."""

from __future__ import annotations

__all__ = ["without_reorders"]

from dataclasses import replace

import numpy as np

from ..networks import columns_chosen, rows_chosen, width_read
from ..program import Array, Coupling, Layer, Mix, Mixture, Program, Reorder, ScaleShift


def without_reorders(program: Program) -> Program:
    """A program → one without `Reorder`.

    The new program holds v where the old one has u = v[order]. At the z end log_prob has no use for the order, a
    density of independent normals being the same in any, and sample takes its noise in it.
    """
    order = np.arange(program.features)
    layers: list[Layer] = []
    for layer in program.layers:
        if isinstance(layer, Reorder):
            order = order[layer.order]
        elif isinstance(layer, Mix):
            back = np.argsort(order)
            layers.append(replace(layer, weight=layer.weight[:, back], inverse=layer.inverse[back]))
            order = np.arange(program.features)
        elif isinstance(layer, ScaleShift):
            back = np.argsort(order)
            layers.append(ScaleShift(layer.scale[back], layer.shift[back]))
        else:
            layers.append(relabelled(layer, order[layer.reads], order[layer.moves]))
    back, base = np.argsort(order), program.base
    if isinstance(base, Mixture):
        base = replace(base, means=base.means[:, back], scales=base.scales[:, back])
    return replace(program, layers=tuple(layers), base=base, noise_order=program.noise_order[back])


def relabelled(coupling: Coupling, reads: Array, moves: Array) -> Coupling:
    """A coupling whose features have other names, with these sorted again."""
    by_read, by_move = np.argsort(reads), np.argsort(moves)
    network = coupling.network
    if len(reads):
        network = columns_chosen(network, np.r_[by_read, len(reads) : width_read(network)])
    network = rows_chosen(network, by_move, coupling.map.sizes)
    return Coupling(reads[by_read], moves[by_move], network, coupling.map)
