"""Adopts a RealNVP that was built and trained with zuko."""

from __future__ import annotations

__all__ = ["from_zuko"]

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from flowexport.errors import ArgumentError, MissingExtra
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
    try:
        import zuko
    except ImportError as error:
        raise MissingExtra("zuko", "interop") from error
    if not isinstance(flow, zuko.flows.NICE):
        raise ArgumentError(f"zuko {type(flow).__name__} cannot be adopted, only RealNVP and NICE")
    layers = list(flow.transform.transforms)
    for position, layer in enumerate(layers):
        univariate = getattr(layer, "univariate", None)
        if univariate is not zuko.transforms.MonotonicAffineTransform:
            name = getattr(univariate, "__name__", type(layer).__name__)
            raise ArgumentError(f"zuko {name} at position {position} cannot be adopted, only affine couplings")

    features = flow.base().event_shape[0]
    masks = None if features == 1 else torch.stack([layer.mask for layer in layers])
    networks = [getattr(layer, "hyper", nn.Sequential()) for layer in layers]
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
            if isinstance(coupling.conditioner, Constant):
                for head, value in zip(coupling.conditioner.heads.values(), layer.phi, strict=True):
                    head.copy_(value)
            else:
                copy_network(coupling.conditioner, network, getattr(layer, "mask", None))
    return adopted


def shape_of(network: nn.Sequential) -> tuple[list[int], type[nn.Module]]:
    """The hidden widths and the activation of a zuko MLP."""
    linears = [module for module in network if hasattr(module, "weight")]
    others = {type(module) for module in network if not hasattr(module, "weight")}
    if len(others) > 1:
        raise ArgumentError(f"zuko MLP of {', '.join(sorted(kind.__name__ for kind in others))} cannot be adopted")
    return [linear.weight.shape[0] for linear in linears[:-1]], others.pop() if others else nn.ReLU


def copy_network(conditioner: Conditioner, network: nn.Sequential, mask: Tensor | None) -> None:
    """Writes a zuko MLP's weights into a conditioner, taking its last Linear apart."""
    *hidden, last = [module for module in network if hasattr(module, "weight")]
    kept = moved = slice(None)
    first_weight = (hidden or [last])[0].weight
    if isinstance(conditioner, MaskedConditioner):
        assert mask is not None
        conditioner.mask.copy_(mask)
        kept = torch.cat([mask.nonzero().flatten(), torch.arange(int(mask.sum()), first_weight.shape[1]) + int((~mask).sum())])
        moved = (~mask).nonzero().flatten()
    for ours, theirs in zip([m for m in conditioner.trunk if isinstance(m, nn.Linear)], hidden, strict=True):
        columns = kept if theirs is (hidden or [None])[0] else slice(None)
        ours.weight.zero_()
        ours.weight[:, columns] = theirs.weight
        ours.bias.copy_(theirs.bias)
    for index, head in enumerate(conditioner.heads.values()):
        head.weight.zero_()
        head.bias.zero_()
        rows = last.weight[index::2]
        if hidden:
            head.weight[moved] = rows
        else:
            wide = rows.new_zeros(len(rows), head.weight.shape[1])
            wide[:, kept] = rows
            head.weight[moved] = wide
        head.bias[moved] = last.bias[index::2]
