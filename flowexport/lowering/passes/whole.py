"""Couplings on the whole vector, where that takes less time than to split and join it."""

from __future__ import annotations

__all__ = ["turns", "whole"]

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..maps import zero_derivative
from ..networks import with_first, with_heads
from ..program import (
    Array,
    Chain,
    Clamp,
    Coupling,
    Dense,
    Free,
    Inverse,
    Map,
    Mix,
    Program,
    Reorder,
    Scaled,
    Shift,
    Sigmoid,
    UnitSpline,
)

SHORT = 16
"""Features up to which a row costs less whole, whatever its layers: at 64 the products of zeros take more."""


def turns(program: Program) -> tuple[Array, ...]:
    """The two sets of features that couplings move in turn, each given the other; where they do not, all in one."""
    every = np.arange(program.features)
    layers = list(program.layers)
    while layers and not isinstance(layers[0], Coupling):
        layers.pop(0)
    couplings = [layer for layer in layers if isinstance(layer, Coupling)]
    first = next((each for each in couplings if len(each.reads)), None)
    if first is None or any(isinstance(layer, (Mix, Reorder)) for layer in layers):
        return (every,)
    halves = first.reads, np.setdiff1d(every, first.reads)
    for coupling in couplings:
        moved = [np.array_equal(coupling.moves, half) for half in halves]
        kept = [not len(coupling.reads) or np.array_equal(coupling.reads, half) for half in halves]
        if not (moved[0] and kept[1]) and not (moved[1] and kept[0]):
            return (every,)
    return halves


def whole(program: Program) -> Program:
    """A program with `UnitSpline` → one whose couplings take turns, or read and move all features.

    The latter have columns of zeros for what they do not see and, for what they do not move, rows of parameters that
    are the identity. A few more numbers a row take less time than the operators that split and join, where the vector
    is short and the identity cheap; where masks do not take turns there is no other way.
    """
    couplings = [layer for layer in program.layers if isinstance(layer, Coupling)]
    cheap = program.features <= SHORT and all(is_cheap(coupling.map) for coupling in couplings)
    if len(turns(program)) == 2 and not cheap:
        return program
    return replace(
        program,
        layers=tuple(
            spread(layer, program.features) if isinstance(layer, Coupling) else layer for layer in program.layers
        ),
    )


def is_cheap(kind: Map) -> bool:
    """Whether the map costs little, and parameters of zero make it nothing, exactly."""
    inner = kind.map if isinstance(kind, Inverse) else kind
    return isinstance(inner, Shift) or (isinstance(inner, Scaled) and isinstance(inner.log_scale, (Clamp, Free)))


def spread(coupling: Coupling, features: int) -> Coupling:
    """A coupling that reads all features, if it reads any, and moves all."""
    every, reads, moves = np.arange(features), coupling.reads, coupling.moves
    network = coupling.network

    def wider(dense: Dense) -> Dense:
        columns = np.zeros((len(dense.weight), features))
        columns[:, reads] = dense.weight[:, : len(reads)]
        return Dense(np.concatenate([columns, dense.weight[:, len(reads) :]], axis=1), dense.bias)

    def taller(raw: Array) -> Callable[[Dense], Dense]:
        def change(head: Dense) -> Dense:
            # A head that reads nothing has no columns, so that no size can be left to be found.
            size, width = len(raw), head.weight.shape[1]
            weight, bias = np.zeros((features, size, width)), np.tile(raw, (features, 1))
            weight[moves] = head.weight.reshape(len(moves), size, width)
            bias[moves] = head.bias.reshape(len(moves), size)
            return Dense(weight.reshape(features * size, width), bias.ravel())

        return change

    if len(reads):
        network, reads = with_first(network, wider), every
    heads = {name: taller(raw) for name, raw in identity(coupling.map).items()}
    return Coupling(reads, every, with_heads(network, **heads), coupling.map)


def identity(kind: Map) -> dict[str, Array]:
    """Parameters of one feature at which a map does nothing, ``[size]`` each."""
    found = {name: np.zeros(size) for name, size in kind.sizes.items()}
    match kind:
        case Inverse():
            return identity(kind.map)
        case Chain():
            return {name: raw for each in kind.maps for name, raw in identity(each).items()}
        case Scaled(log_scale=Sigmoid() as sigmoid):
            share = (1 - sigmoid.floor) / sigmoid.span
            found["scale"] = np.array([np.log(share / (1 - share))])
        case UnitSpline(constraint="floor"):
            found["bins"][2 * kind.bins :] = zero_derivative(kind.slope)
    return found
