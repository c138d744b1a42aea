"""Adopts a RealNVP that was built and trained with zuko."""

from __future__ import annotations

__all__ = ["from_zuko"]

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from flowexport.errors import ArgumentError, extras_named
from flowexport.flows import Conditioner, Flow, RealNVP
from flowexport.flows.conditioner import Constant, MaskedConditioner
from flowexport.flows.masks import alternating

if TYPE_CHECKING:
    import zuko


def from_zuko(flow: zuko.flows.NICE) -> Flow:
    """The same density, as a flowexport flow, from the weights of a trained zuko RealNVP.

    zuko lays a conditioner's output out per feature as (shift, log scale), interleaved; ours has a head for
    each, so rows are taken apart, and for random and custom masks widened to the whole vector.

    Arguments:
        flow: a ``zuko.flows.RealNVP`` or ``NICE`` with affine transforms.

    Raises:
        ArgumentError: for anything else, by name and position.
        MissingExtra: where zuko is not installed.
    """
    with extras_named():
        import zuko
    if not isinstance(flow, zuko.flows.NICE):
        raise ArgumentError(f"zuko {type(flow).__name__} cannot be adopted, only RealNVP and NICE")
    layers = list(flow.transform.transforms)
    for position, layer in enumerate(layers):
        univariate = getattr(layer, "univariate", None)
        if univariate is not zuko.transforms.MonotonicAffineTransform:
            name = getattr(univariate, "__name__", type(layer).__name__)
            raise ArgumentError(f"zuko {name} at position {position} cannot be adopted, only affine couplings")

    base = flow.base()
    if not isinstance(base, zuko.distributions.DiagNormal) or bool((base.mean != 0).any() | (base.stddev != 1).any()):
        raise ArgumentError(f"zuko base {base} cannot be adopted, only the standard normal")
    features = base.event_shape[0]
    masks = None if features == 1 else torch.stack([layer.mask for layer in layers])
    networks: list[Any] = [getattr(layer, "hyper", nn.Sequential()) for layer in layers]
    hidden, activation = shape_of(networks[0])
    context = networks[0].in_features - (0 if masks is None else int(masks[0].sum())) if len(networks[0]) else 0
    adopted = RealNVP(
        features,
        context=context,
        transforms=len(layers),
        randmask=masks is not None and not torch.equal(masks, alternating(features, len(layers))),
        hidden_features=hidden,
        activation=activation,
    )
    weight = next(iter(flow.parameters()))
    adopted.to(device=weight.device, dtype=weight.dtype)
    with torch.no_grad():
        for coupling, layer, network in zip(adopted.stack.couplings, layers, networks, strict=True):
            conditioner = coupling.conditioner
            if isinstance(conditioner, Constant):
                for name, value in zip(conditioner.sizes, layer.phi, strict=True):
                    conditioner.heads[name].copy_(value)
            elif isinstance(conditioner, MaskedConditioner):
                conditioner.mask.copy_(layer.mask)
                copy_network(conditioner.network, network, layer.mask)
            else:
                copy_network(conditioner, network, None)
    return adopted


def shape_of(network: Any) -> tuple[list[int], type[nn.Module]]:
    """The hidden widths and the activation of a zuko MLP."""
    linears = [module for module in network if hasattr(module, "in_features")]
    others = [module for module in network if not hasattr(module, "in_features")]
    kinds = {type(module) for module in others}
    if len(kinds) > 1:
        raise ArgumentError(f"zuko MLP of {', '.join(sorted(kind.__name__ for kind in kinds))} cannot be adopted")
    kind = kinds.pop() if kinds else nn.ReLU
    # Ours is built from the class alone: a setting (LeakyReLU's slope) or a weight (PReLU's) would be lost.
    if any(module.state_dict() or repr(module) != repr(kind()) for module in others):
        raise ArgumentError(f"zuko MLP of {others[0]!r} cannot be adopted, only activations with default settings")
    if any(linear.bias is None for linear in linears):
        raise ArgumentError("zuko MLP without bias (bias=False) cannot be adopted")
    return [linear.weight.shape[0] for linear in linears[:-1]], kind


def copy_network(conditioner: Conditioner, network: Any, mask: Tensor | None) -> None:
    """Writes a zuko MLP's weights into a conditioner, taking its last Linear apart.

    With a mask, the columns of the kept features and the rows of the moved ones take the places that they
    have in the whole vector; the others are zero.
    """
    ours = [module for module in conditioner.trunk if isinstance(module, nn.Linear)]
    theirs = [(module.weight, module.bias) for module in network if hasattr(module, "in_features")]
    heads = [conditioner.heads[name] for name in conditioner.sizes]
    rows: slice | Tensor = slice(None)
    if mask is not None:
        rows = (~mask).nonzero().flatten()
        weight, bias = theirs[0]
        wide = weight.new_zeros(len(weight), weight.shape[1] + len(rows))
        context = wide.shape[1] - len(mask)
        wide[:, torch.cat([mask, mask.new_ones(context)])] = weight
        theirs[0] = wide, bias
    *hidden, last = theirs
    for linear, (weight, bias) in zip(ours, hidden, strict=True):
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)
    for index, head in enumerate(heads):
        for parameter, interleaved in zip((head.weight, head.bias), last, strict=True):
            parameter.zero_()
            parameter[rows] = interleaved[index :: len(heads)]
