"""Networks as nodes."""

from __future__ import annotations

__all__ = ["parameters"]

import math
from collections.abc import Iterable

from ..networks import depends_on_nothing
from ..program import Activation, Coupling, Dense, Hidden, Residual
from .builder import Builder

NAMED = {"ELU": "Elu", "LeakyReLU": "LeakyRelu", "ReLU": "Relu", "Softplus": "Softplus", "Tanh": "Tanh"}
"""Activations that are one operator, with its own defaults: of ELU 1, of LeakyReLU 0.01."""


def parameters(graph: Builder, coupling: Coupling, where: str, kept: str, context: str | None) -> dict[str, str]:
    """The parameters of a coupling, ``[batch, moved · size]`` each, by name.

    Arguments:
        where: the layer, in the names of its constants.
        kept: the features that the coupling reads, ``[batch, reads]``.
        context: as the networks take it, or None.
    """
    network = coupling.network
    if depends_on_nothing(network):
        heads = {name: network.heads[name].bias[None] for name in coupling.map.sizes}
        return {name: graph.numbers(f"{where}.{name}", constant) for name, constant in heads.items()}
    inputs = [*([kept] if len(coupling.reads) else []), *([] if context is None else [context])]
    hidden = graph.node("Concat", *inputs, axis=-1) if len(inputs) > 1 else inputs[0]
    hidden = run(graph, network.trunk, f"{where}.trunk", hidden)
    return {name: dense(graph, network.heads[name], f"{where}.{name}", hidden) for name in coupling.map.sizes}


def run(graph: Builder, layers: Iterable[Hidden], where: str, hidden: str) -> str:
    """Hidden layers, one behind the other."""
    for number, layer in enumerate(layers):
        name = f"{where}.{number}"
        if isinstance(layer, Dense):
            hidden = dense(graph, layer, name, hidden)
        elif isinstance(layer, Activation):
            hidden = activation(graph, layer.name, hidden)
        elif isinstance(layer, Residual):
            hidden = graph.node("Add", hidden, run(graph, layer.branch, name, hidden))
        else:
            weight, bias = graph.numbers(f"{name}.weight", layer.weight), graph.numbers(f"{name}.bias", layer.bias)
            hidden = graph.node("LayerNormalization", hidden, weight, bias, axis=-1, epsilon=layer.epsilon)
    return hidden


def dense(graph: Builder, layer: Dense, where: str, x: str) -> str:
    bias = graph.numbers(f"{where}.bias", layer.bias) if layer.bias.any() else None
    return graph.gemm(x, graph.numbers(f"{where}.weight", layer.weight), bias)


def activation(graph: Builder, name: str, x: str) -> str:
    """An activation in operators of the standard domain."""
    if name == "SiLU":
        return graph.node("Mul", x, graph.node("Sigmoid", x))
    if name == "GELU":
        share = graph.node("Erf", graph.node("Mul", x, graph.numbers("half_root", math.sqrt(0.5))))
        twice = graph.node("Mul", x, graph.node("Add", share, graph.numbers("one", 1.0)))
        return graph.node("Mul", twice, graph.numbers("half", 0.5))
    return graph.node(NAMED[name], x)
