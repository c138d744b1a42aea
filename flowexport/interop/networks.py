"""Hidden layers of other libraries' networks, read into neutral terms."""

from __future__ import annotations

__all__ = ["activation_of", "affine", "residual", "sequential", "side_by_side"]

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from flowexport.errors import ArgumentError
from flowexport.flows.realnvp import ACTIVATIONS

from .layers import Affine, Trunk

if TYPE_CHECKING:
    from nflows.nn.nets import ResidualNet

FUNCTIONS: dict[object, str] = {
    functional.elu: "ELU",
    functional.gelu: "GELU",
    functional.leaky_relu: "LeakyReLU",
    functional.relu: "ReLU",
    functional.silu: "SiLU",
    functional.softplus: "Softplus",
    functional.tanh: "Tanh",
    torch.relu: "ReLU",
    torch.tanh: "Tanh",
}
"""Activations as functions, with the settings that the classes have by default."""


class Weighted(Protocol):
    """A linear layer, of whichever library."""

    @property
    def weight(self) -> Tensor: ...

    @property
    def bias(self) -> Tensor | None: ...


def affine(linear: Weighted) -> Affine:
    """Weight and bias of a Linear; a bias that is not there is zero."""
    weight = linear.weight.detach()
    return weight, weight.new_zeros(len(weight)) if linear.bias is None else linear.bias.detach()


def activation_of(where: str, activation: object) -> str:
    """The name of an activation, a module or a function.

    Raises:
        ArgumentError: for one that is unknown, or has settings of its own, which a name would lose.
    """
    if isinstance(activation, nn.LeakyReLU) and activation.negative_slope == 0:
        return "ReLU"
    name = FUNCTIONS.get(activation) if not isinstance(activation, nn.Module) else type(activation).__name__
    kind = ACTIVATIONS.get(name or "")
    if kind is None or (isinstance(activation, nn.Module) and repr(activation) != repr(kind())):
        shown = getattr(activation, "__name__", None) or repr(activation)
        known = ", ".join(sorted(ACTIVATIONS))
        raise ArgumentError(
            f"activation {shown} cannot be adopted, only {known} with their default settings", key=where
        )
    assert name is not None
    return name


def sequential(
    where: str, modules: Iterable[object], linear: type[Weighted], norm: type | None = None
) -> tuple[Trunk, Affine]:
    """Reads Linear, activation, … , Linear, with a normalisation behind each activation or behind none.

    Arguments:
        where: what errors begin with: the library, the layer and its position.
        modules: in their order. Dropout is passed over: it is nothing once a flow is trained.
        linear, norm: the library's classes of these.

    Returns:
        The hidden layers, and the last one.

    Raises:
        ArgumentError: for anything else, by name.
    """
    layers = [module for module in modules if not isinstance(module, nn.Dropout)]
    linears = [affine(module) for module in layers if isinstance(module, linear)]
    others = [module for module in layers if not isinstance(module, linear)]
    norms = [module for module in others if norm is not None and isinstance(module, norm)]
    names = {activation_of(where, module) for module in others if module not in norms}
    if len(names) > 1:
        raise ArgumentError(f"a network with the activations {', '.join(sorted(names))} cannot be adopted", key=where)
    step = 3 if norms else 2
    kinds = [
        "linear" if isinstance(module, linear) else "norm" if module in norms else "activation" for module in layers
    ]
    if not linears or kinds != [*(["linear", "activation", "norm"][:step] * (len(linears) - 1)), "linear"]:
        shown = ", ".join(type(module).__name__ for module in layers)
        raise ArgumentError(f"a network of {shown} cannot be adopted, only Linear, activation, …, Linear", key=where)
    if norms and any(len(bias) == 1 for _, bias in linears[:-1]):
        raise ArgumentError("a normalisation of a single number cannot be adopted: it has no variance", key=where)
    *hidden, last = linears
    return Trunk(hidden, names.pop() if names else "ReLU", layer_norm="unbiased" if norms else False), last


def residual(where: str, network: ResidualNet) -> tuple[Trunk, Affine]:
    """Reads the ``ResidualNet`` that nflows and normflows have in common.

    Raises:
        ArgumentError: for one with a context, batch norm, preprocessing or no block, by name.
    """
    options = {
        "context_features": getattr(network, "context_features", None) is not None,
        "use_batch_norm": any(block.use_batch_norm for block in network.blocks),
        "preprocessing": getattr(network, "preprocessing", None) is not None,
        "num_blocks=0": not len(network.blocks),
    }
    for option, given in options.items():
        if given:
            raise ArgumentError(f"ResidualNet with {option} cannot be adopted", key=where)
    names = {activation_of(where, block.activation) for block in network.blocks}
    if len(names) > 1:
        raise ArgumentError(f"a network with the activations {', '.join(sorted(names))} cannot be adopted", key=where)
    blocks = [affine(linear) for block in network.blocks for linear in block.linear_layers]
    hidden = [affine(network.initial_layer), *blocks]
    return Trunk(hidden, names.pop(), True, dropout=network.blocks[0].dropout.p), affine(network.final_layer)


def side_by_side(where: str, networks: Sequence[tuple[Trunk, Affine]]) -> tuple[Trunk, list[Affine]]:
    """Networks on the same input as one: their hidden layers beside each other, with zeros between them.

    Raises:
        ArgumentError: where they differ in more than their widths.
    """
    trunks = [trunk for trunk, _ in networks]
    if len({(len(trunk.linears), trunk.activation, trunk.residual) for trunk in trunks}) > 1:
        raise ArgumentError("two networks of different depth or activation cannot be adopted", key=where)
    linears = []
    for depth, beside in enumerate(zip(*(trunk.linears for trunk in trunks), strict=True)):
        weights, biases = [weight for weight, _ in beside], torch.cat([bias for _, bias in beside])
        linears.append((torch.cat(weights) if depth == 0 else torch.block_diag(*weights), biases))
    if not linears:
        return trunks[0], [last for _, last in networks]
    widths = [len(trunk.linears[-1][1]) for trunk in trunks]
    lasts: list[Affine] = []
    for position, (_, (weight, bias)) in enumerate(networks):
        wide: Tensor = weight.new_zeros(len(weight), sum(widths))
        start = sum(widths[:position])
        wide[:, start : start + widths[position]] = weight
        lasts.append((wide, bias))
    return Trunk(linears, trunks[0].activation, trunks[0].residual), lasts
