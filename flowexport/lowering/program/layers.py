"""Layers, in the order x → z."""

from __future__ import annotations

__all__ = ["Coupling", "Layer", "Mix", "Reorder", "ScaleShift"]

from dataclasses import dataclass

from .arrays import Array
from .maps import Map
from .networks import Network


@dataclass(frozen=True, eq=False)
class Coupling:
    """Moves some features by a map, whose parameters a network makes of others and of the context.

    Arguments:
        reads, moves: sets of features, as sorted indices; what is neither read nor moved is left alone.
    """

    reads: Array
    moves: Array
    network: Network
    map: Map


@dataclass(frozen=True, eq=False)
class ScaleShift:
    """v · scale + shift, ``[features]`` each, the scale positive."""

    scale: Array
    shift: Array


@dataclass(frozen=True, eq=False)
class Mix:
    """v Wᵀ + b, with the inverse matrix and ln |det W|."""

    weight: Array
    inverse: Array
    bias: Array
    log_det: float


@dataclass(frozen=True, eq=False)
class Reorder:
    """Feature i of the result is feature ``order[i]`` of v."""

    order: Array


Layer = Coupling | ScaleShift | Mix | Reorder
