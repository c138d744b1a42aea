"""Networks, by their matrices."""

from __future__ import annotations

__all__ = ["Activation", "Dense", "Hidden", "LayerNorm", "Network", "Residual"]

from collections.abc import Mapping
from dataclasses import dataclass

from .arrays import Array


@dataclass(frozen=True, eq=False)
class Dense:
    """x Wᵀ + b, with ``weight [out, in]`` and ``bias [out]``."""

    weight: Array
    bias: Array


@dataclass(frozen=True, eq=False)
class Activation:
    """A function of each number, by its name in `flowexport.lowering.activations`."""

    name: str


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """(x − mean) / √(variance + ε) · weight + bias over a row, with the biased variance."""

    weight: Array
    bias: Array
    epsilon: float


@dataclass(frozen=True, eq=False)
class Residual:
    """x plus what a branch makes of x."""

    branch: tuple[Hidden, ...]


Hidden = Dense | Activation | LayerNorm | Residual


@dataclass(frozen=True, eq=False)
class Network:
    """Hidden layers, and a last Dense for each parameter of a map.

    The first matrix (the trunk's, or those of the heads where there is no trunk) has a column for each feature that is
    read, and behind them those of the encoded context; none at all where the parameters depend on nothing.

    Arguments:
        trunk: the hidden layers.
        heads: parameter name → its Dense, ``[moved features · size, width]``.
    """

    trunk: tuple[Hidden, ...]
    heads: Mapping[str, Dense]
