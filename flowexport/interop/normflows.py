"""Adopts coupling flows that were built and trained with normflows, whose forward direction is z → x."""

from __future__ import annotations

__all__ = ["from_normflows", "normflows_numbers"]

import math
from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from flowexport.errors import ArgumentError, extras_named
from flowexport.flows import Additive, ExponentialAffine, Flow, Inverse, SigmoidAffine
from flowexport.flows.contracts import UnivariateMap
from flowexport.flows.realnvp import ACTIVATIONS

from .construct import Constructors
from .layers import Affine, Layer, Trunk, coupling, elementwise, lu_linear, permutation, taken_apart
from .networks import residual, sequential, side_by_side
from .original import Original, adopted, exact_copy

if TYPE_CHECKING:
    import normflows

OFFSET = 2.0
"""What normflows adds before the sigmoid of a scale."""


def from_normflows(flow: normflows.NormalizingFlow) -> Flow:
    """The same density, as a flowexport flow, from the weights of a trained normflows flow of couplings.

    Taken are ``NormalizingFlow`` of ``AffineCouplingBlock`` and of ``Split``, ``AffineCoupling``, ``Merge`` (scale maps
    exp, sigmoid, sigmoid_inv, or no scale), ``MaskedAffineFlow``, ``ActNorm``, ``AffineConstFlow``, ``Permute`` and
    ``LULinearPermute``, on vectors, with networks ``MLP``, ``ResidualNet`` or ``nn.Sequential``; ``DiagGaussian`` as
    base, trained or not. In float64 the adopted flow is held to normflows' own log_prob and samples before it is
    returned.

    Arguments:
        flow: the trained flow; it is not changed.

    Raises:
        ArgumentError: for anything else, by name and position, or where the numbers differ.
        MissingExtra: where normflows is not installed.
    """
    original = normflows_numbers(flow)
    return adopted(flow, original, layers_of(exact_copy(flow)))


def normflows_numbers(flow: normflows.NormalizingFlow) -> Original:
    """What normflows says of a flow, in float64.

    Raises:
        ArgumentError: where it is not a NormalizingFlow on vectors with a diagonal Gaussian as base.
    """
    with extras_named():
        import normflows
    if type(flow) is not normflows.NormalizingFlow:
        raise ArgumentError(f"normflows {type(flow).__name__} cannot be adopted, only NormalizingFlow")
    exact = exact_copy(flow)
    loc, log_scale = base_of(exact)

    @torch.no_grad()
    def log_prob(x: Tensor, _: Tensor | None) -> Tensor:
        log_prob: Tensor = exact.log_prob(x)
        return log_prob

    @torch.no_grad()
    def sample_and_log_prob(z: Tensor, _: Tensor | None) -> tuple[Tensor, Tensor]:
        x = loc + log_scale.exp() * z
        log_prob = exact.q0.log_prob(x)
        # As NormalizingFlow.sample has it; its forward_and_log_det adds up in float32.
        for layer in exact.flows:
            x, log_det = layer(x)
            log_prob = log_prob - log_det
        return x, log_prob

    return Original(f"normflows {metadata.version('normflows')}", len(loc), 0, log_prob, sample_and_log_prob)


def base_of(flow: normflows.NormalizingFlow) -> tuple[Tensor, Tensor]:
    """Mean and ln standard deviation of the base, ``[features]`` each."""
    import normflows

    base = flow.q0
    if type(base) is not normflows.distributions.DiagGaussian or base.n_dim != 1:
        raise ArgumentError(f"normflows base {type(base).__name__} cannot be adopted, only DiagGaussian of a vector")
    if base.temperature is not None:
        raise ArgumentError(f"normflows base DiagGaussian with temperature {base.temperature} cannot be adopted")
    return base.loc[0], base.log_scale[0]


def layers_of(flow: normflows.NormalizingFlow) -> list[Layer]:
    """The layers of a flow in neutral terms, x → z: its own in reverse."""
    from normflows import flows

    loc, log_scale = base_of(flow)
    layers: list[Layer] = []
    split: str | None = None
    # Each layer of ours is put before those of theirs that come earlier.
    for position, layer in enumerate(flow.flows):
        where = f"normflows {type(layer).__name__} at position {position}"
        if type(layer) is flows.Split and split is None:
            split = layer.mode
            split_mask(where, split, len(loc))
        elif type(layer) is flows.Merge and split is not None:
            layers[:0] = merge_of(where, split, layer.mode, len(loc))
            split = None
        elif split is not None and type(layer) is flows.AffineCoupling:
            layers[:0] = affine_coupling(where, layer, split_mask(where, split, len(loc)))
        elif split is not None:
            raise ArgumentError("between Split and Merge only AffineCoupling can be adopted", key=where)
        else:
            layers[:0] = layers_in(where, layer, len(loc))
    if split is not None:
        raise ArgumentError("normflows Split without a Merge after it cannot be adopted")
    if bool((loc != 0).any() | (log_scale != 0).any()):
        layers.append(elementwise("DiagonalNormal", {"mean": loc, "log_scale": log_scale}))
    return layers


def layers_in(where: str, layer: normflows.flows.Flow, features: int) -> list[Layer]:
    """One layer in neutral terms, x → z."""
    from normflows import flows

    kind = type(layer)
    if kind is flows.AffineCouplingBlock:
        split, inner, _ = layer.flows
        return affine_coupling(where, inner, split_mask(where, split.mode, features))
    if kind is flows.MaskedAffineFlow:
        return [masked_affine(where, layer)]
    if kind in (flows.ActNorm, flows.AffineConstFlow):
        if kind is flows.ActNorm and not layer.data_dep_init_done > 0:
            raise ArgumentError("has seen no data; call log_prob on a batch of it once, then adopt", key=where)
        log_scale, shift = -layer.s.flatten(), -layer.t.flatten() * (-layer.s.flatten()).exp()
        return [elementwise("ActNorm", {"log_scale": log_scale, "shift": shift, "initialized": torch.tensor(True)})]
    if kind is flows.Permute:
        # Its inverse, tried on the positions themselves.
        return [permutation(layer.inverse(torch.arange(features)[None])[0][0])]
    if kind is flows.LULinearPermute:
        lower, upper = layer.linear._create_lower_upper()
        return [permutation(layer.permutation._permutation), lu_linear(lower, upper, layer.linear.bias)]
    if kind in (flows.MaskedAffineAutoregressive, flows.AutoregressiveRationalQuadraticSpline):
        raise ArgumentError("sampling is sequential, not exportable as one pass", key=where)
    known = "AffineCouplingBlock, MaskedAffineFlow, ActNorm, AffineConstFlow, Permute, LULinearPermute, Split, Merge"
    raise ArgumentError(f"{where} cannot be adopted, only {known}")


def split_mask(where: str, mode: str, features: int) -> Tensor:
    """``[features]``, True for the part that Split calls z1, which a coupling keeps."""
    from normflows.flows import Split

    if features < 2 or ("checkerboard" in mode and features % 2):
        raise ArgumentError(f"a split of {features} features by {mode!r} cannot be adopted", key=where)
    kept, _ = Split(mode)(torch.arange(features)[None])[0]
    mask = torch.zeros(features, dtype=torch.bool)
    mask[kept.flatten()] = True
    return mask


def merge_of(where: str, split: str, merge: str, features: int) -> list[Layer]:
    """What a Merge does besides undoing its Split: nothing, or a permutation where their modes differ."""
    from normflows.flows import Merge, Split

    if split == merge:
        return []
    if features % 2:
        raise ArgumentError(f"mode {merge!r} after Split {split!r} of {features} features cannot be adopted", key=where)
    parts, _ = Merge(merge).inverse(torch.arange(features)[None])
    return [permutation(Split(split).inverse(parts)[0][0].flatten())]


def affine_coupling(where: str, layer: normflows.flows.Flow, mask: Tensor) -> list[Layer]:
    """An AffineCoupling, and the constant scale that its sigmoid has beside ours, where there is one."""
    trunk, last = network_of(where, layer.param_map)
    if not layer.scale:
        return [coupling(mask, Inverse(Additive()), trunk, {"shift": last})]
    heads = taken_apart(last, {"shift": 1, "scale": 1})
    shift, (weight, bias) = heads["shift"], heads["scale"]
    if layer.scale_map == "exp":
        return [coupling(mask, Inverse(ExponentialAffine()), trunk, {"shift": shift, "log_scale": (weight, bias)})]
    # Twice a sigmoid is a scale of one at zero, so half of it, or twice its inverse, is left to a layer of its own.
    univariate: UnivariateMap
    if layer.scale_map == "sigmoid":
        univariate, factor = SigmoidAffine(0.0, 2.0, "before"), 0.5
    elif layer.scale_map == "sigmoid_inv":
        univariate, factor = Inverse(SigmoidAffine(0.0, 2.0)), 2.0
    else:
        raise ArgumentError(
            f"scale_map {layer.scale_map!r} cannot be adopted, only exp, sigmoid, sigmoid_inv", key=where
        )
    scaling = elementwise("Scaling", {"log_scale": (~mask).double() * math.log(factor)})
    return [coupling(mask, univariate, trunk, {"shift": shift, "scale": (weight, bias + OFFSET)}), scaling]


def masked_affine(where: str, layer: normflows.flows.Flow) -> Layer:
    """A MaskedAffineFlow: its two networks become one, each half of which says one parameter."""
    kept = layer.b.flatten()
    if layer.b.shape != (1, len(kept)) or not bool(((kept == 0) | (kept == 1)).all()):
        raise ArgumentError(f"mask b {layer.b.tolist()} cannot be adopted, only zeros and ones on a vector", key=where)
    mask = kept == 1
    # Without a network the layer has torch.zeros_like in its place.
    given = {name: net for name, net in (("shift", layer.t), ("log_scale", layer.s)) if isinstance(net, nn.Module)}
    if not given:
        raise ArgumentError("without t and s it does nothing; leave it out", key=where)
    networks = [halved(network_of(where, net), mask) for net in given.values()]
    trunk, lasts = side_by_side(where, networks)
    heads = dict(zip(given, lasts, strict=True))
    if "log_scale" not in heads:
        return coupling(mask, Inverse(Additive()), trunk, heads)
    weight, bias = heads["log_scale"]
    return coupling(
        mask,
        Inverse(ExponentialAffine()),
        trunk,
        {"shift": (weight * 0, bias * 0), **heads, "log_scale": (weight, bias)},
    )


def halved(network: tuple[Trunk, Affine], mask: Tensor) -> tuple[Trunk, Affine]:
    """A network on the whole vector, restricted to the features that it reads and those that it speaks of."""
    trunk, (weight, bias) = network
    if not trunk.linears:
        return trunk, (weight[~mask][:, mask], bias[~mask])
    (first, first_bias), *others = trunk.linears
    linears: Sequence[Affine] = [(first[:, mask], first_bias), *others]
    return Trunk(linears, trunk.activation, trunk.residual, dropout=trunk.dropout), (weight[~mask], bias[~mask])


def network_of(where: str, network: nn.Module) -> tuple[Trunk, Affine]:
    """The hidden layers of a network, and its last layer."""
    from normflows import nets

    if type(network) is nets.ResidualNet:
        return residual(where, network)
    if type(network) is nets.MLP and isinstance(network.net, nn.Sequential):
        return sequential(where, network.net, nn.Linear)
    if type(network) is nn.Sequential:
        return sequential(where, network, nn.Linear)
    name = type(network).__name__
    raise ArgumentError(f"the network {name} cannot be adopted, only MLP, ResidualNet and nn.Sequential", key=where)


def constructors() -> Constructors:
    """The classes that a file of arguments can name."""
    import normflows
    from normflows import flows, nets

    def masked(b: Sequence[float], t: nn.Module | None = None, s: nn.Module | None = None) -> normflows.flows.Flow:
        return flows.MaskedAffineFlow(torch.tensor(b, dtype=torch.float32), t, s)

    def square(num_channels: int) -> normflows.flows.Flow:
        # Its indices are made by numpy, uncounted: this is counted in their place.
        torch.empty(num_channels, num_channels)
        return flows.LULinearPermute(num_channels)

    names = "ActNorm AffineConstFlow AffineCoupling AffineCouplingBlock Merge Permute Split"
    return {
        **{name: getattr(flows, name) for name in names.split()},
        "DiagGaussian": normflows.distributions.DiagGaussian,
        "LULinearPermute": square,
        "MLP": nets.MLP,
        "MaskedAffineFlow": masked,
        "NormalizingFlow": normflows.NormalizingFlow,
        "ResidualNet": nets.ResidualNet,
        **ACTIVATIONS,
    }
