"""Which parts of a flow have gradients that are written out, and that nobody looks into."""

from __future__ import annotations

__all__ = ["through_layers", "through_network", "through_spline"]

from collections.abc import Iterable
from itertools import groupby

from torch import Tensor, nn

from flowexport.flows.conditioner import Conditioner
from flowexport.flows.coupling import Coupling
from flowexport.flows.recorded import Step
from flowexport.flows.stack import LogDets, Parts, run
from flowexport.flows.univariate import Affine

from .couplings import Plan, affine_couplings
from .perceptron import ACTIVATIONS, Activation, perceptron
from .spline import clamped_spline as through_spline


def through_layers(steps: Iterable[Step], parts: Parts, context: Tensor | None) -> tuple[Parts, LogDets]:
    """`run` from x to z, with the gradients of affine couplings by hand: their log-determinants come back added up."""
    log_dets: LogDets = [[] for _ in parts]
    for by_hand, group in groupby(((plan_of(*step), step) for step in steps), lambda pair: pair[0] is not None):
        if by_hand:
            parts, sums = affine_couplings([plan for plan, _ in group if plan is not None], parts, context)
            found = [[] if each is None else [each] for each in sums]
        else:
            parts, found = run("forward_and_log_det", [step for _, step in group], parts, context)
        for of_part, more in zip(log_dets, found, strict=True):
            of_part += more
    return parts, log_dets


def plan_of(layer: nn.Module, route: tuple[int, int] | None) -> Plan | None:
    """A layer as `affine_couplings` takes it, or None where it is another, or somebody looks into it."""
    if route is None or route[0] == route[1] or type(layer) is not Coupling:
        return None
    conditioner, univariate = layer._modules.values()
    if type(conditioner) is not Conditioner or type(univariate) is not Affine or not unhooked(conditioner):
        return None
    network = as_perceptron(conditioner)
    if network is None:
        return None
    hidden, heads, activation = network
    return Plan(*route, univariate.cap, len(hidden), activation, [*hidden, *heads])


def through_network(conditioner: nn.Module, x: Tensor) -> tuple[Tensor, ...] | None:
    """What the heads of a conditioner say, None where `perceptron` does not know it."""
    network = as_perceptron(conditioner)
    return None if network is None else perceptron(x, *network)


def as_perceptron(conditioner: nn.Module) -> tuple[list[Tensor], list[Tensor], Activation] | None:
    """Weight and bias of each hidden layer and of each head, and the activation, as `perceptron` takes them.

    None where the hidden layers are not Linears and one of `ACTIVATIONS` in turn, or somebody looks into them.
    """
    trunk, heads = conditioner._modules["trunk"], conditioner._modules["heads"]
    if trunk is None or heads is None or not (unhooked(trunk) and unhooked(heads)):
        return None
    layers = [*trunk._modules.values()]
    kind = type(layers[1]) if len(layers) > 1 else nn.ReLU
    if len(layers) % 2 or kind not in ACTIVATIONS:
        return None
    found: list[Tensor] = []
    for number, layer in enumerate([*layers, *heads._modules.values()]):
        expected = kind if number < len(layers) and number % 2 else nn.Linear
        if type(layer) is not expected or not unhooked(layer):
            return None
        for parameter in layer._parameters.values():
            if parameter is None:
                return None
            found.append(parameter)
    return found[: len(layers)], found[len(layers) :], ACTIVATIONS[kind]


def unhooked(layer: nn.Module) -> bool:
    """Whether nobody else looks at what goes through a layer."""
    return not (layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks or layer._backward_pre_hooks)
