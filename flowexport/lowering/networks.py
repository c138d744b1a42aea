"""Networks with other matrices: what a rewriting changes of one."""

from __future__ import annotations

__all__ = [
    "columns_chosen",
    "depends_on_nothing",
    "first_dense",
    "rows_chosen",
    "width_read",
    "with_first",
    "with_heads",
]

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from .program import Array, Dense, Network

Change = Callable[[Dense], Dense]


def first_dense(network: Network) -> Dense:
    """The first matrix, or of a network without a trunk that of its first head."""
    first = network.trunk[0] if network.trunk else next(iter(network.heads.values()))
    assert isinstance(first, Dense)
    return first


def width_read(network: Network) -> int:
    """How many numbers a network reads: none where its parameters depend on nothing."""
    return int(first_dense(network).weight.shape[1])


def depends_on_nothing(network: Network) -> bool:
    """Whether the parameters are the same for every row."""
    return not network.trunk and width_read(network) == 0


def with_first(network: Network, change: Change) -> Network:
    """The network with another first matrix: the trunk's, or those of all heads."""
    if not network.trunk:
        return with_heads(network, **dict.fromkeys(network.heads, change))
    return replace(network, trunk=(change(first_dense(network)), *network.trunk[1:]))


def with_heads(network: Network, **changes: Change) -> Network:
    """The network with some of its heads changed, by name."""
    changed = {name: changes[name](head) for name, head in network.heads.items() if name in changes}
    return replace(network, heads={**network.heads, **changed})


def columns_chosen(network: Network, columns: Array) -> Network:
    """The network with some of the columns of its first matrix, by a mask or by indices."""
    return with_first(network, lambda dense: Dense(dense.weight[:, columns], dense.bias))


def rows_chosen(network: Network, features: Array, sizes: Mapping[str, int]) -> Network:
    """The network with the parameters of some of the features that it moves, in this order.

    Arguments:
        sizes: parameter name → numbers a feature.
    """

    def chosen(size: int) -> Change:
        rows = (features[:, None] * size + np.arange(size)).ravel()
        return lambda head: Dense(head.weight[rows], head.bias[rows])

    return with_heads(network, **{name: chosen(size) for name, size in sizes.items()})
