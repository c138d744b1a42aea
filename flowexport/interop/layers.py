"""Layers of another library's stack in neutral terms, and the flow that is made of them.

A `Layer` is what `flowexport.flows.CouplingFlow` builds, as a plain mapping, with the weights that go into it. Where
the whole stack is a RealNVP, it becomes one.
"""

from __future__ import annotations

__all__ = ["Layer", "Trunk", "assembled", "coupling", "elementwise", "lu_linear", "permutation", "taken_apart"]

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from flowexport.flows import Coupling, CouplingFlow, Flow, LULinear, Permutation, PerPart
from flowexport.flows.build import build
from flowexport.flows.conditioner import Conditioner, Constant, MaskedConditioner
from flowexport.flows.contracts import UnivariateMap
from flowexport.flows.masks import alternating
from flowexport.flows.realnvp import MIXINGS, NORMALIZATIONS
from flowexport.flows.univariate import described

Affine = tuple[Tensor, Tensor]
"""Weight ``[out, in]`` and bias ``[out]`` of a linear layer."""

Split = Callable[[Tensor], Sequence[Tensor]]


@dataclass(frozen=True)
class Layer:
    """One layer, in the direction x → z.

    Arguments:
        plan: the mapping that `CouplingFlow` builds it of.
        write: puts the weights into the module that was built; ``split`` takes a vector to the stack's parts.
    """

    plan: dict[str, object]
    write: Callable[[nn.Module, Split], None] = field(repr=False)


@dataclass(frozen=True)
class Trunk:
    """The hidden layers of a conditioner.

    Arguments:
        linears: in their order; in a residual network the first layer, then two a block.
        activation: its name.
        residual, layer_norm, dropout: as RealNVP has them.
    """

    linears: Sequence[Affine]
    activation: str = "ReLU"
    residual: bool = False
    layer_norm: bool | str = False
    dropout: float = 0.0

    @property
    def widths(self) -> list[int]:
        """``hidden_features`` of the same network."""
        counted = self.linears[1::2] if self.residual else self.linears
        return [len(bias) for _, bias in counted]


def coupling(mask: Tensor | None, univariate: UnivariateMap, trunk: Trunk, heads: Mapping[str, Affine]) -> Layer:
    """A coupling.

    Arguments:
        mask: ``[features]``, True where the feature is kept; None for a single feature.
        univariate: what it does to a feature.
        trunk: hidden layers on (kept features, context), or all features and the context where there is no mask.
        heads: for each parameter of the univariate map the last layer, a row for each moved feature (or ``size`` rows);
            its weight has no columns where the parameters depend on nothing.
    """
    plan: dict[str, object] = {
        "layer": "Coupling",
        "mask": None if mask is None else mask.tolist(),
        "univariate": described(univariate),
        "hidden_features": trunk.widths,
        "activation": trunk.activation,
        "residual": trunk.residual,
        "layer_norm": trunk.layer_norm,
        "dropout": trunk.dropout,
    }

    def write(module: nn.Module, split: Split) -> None:
        assert isinstance(module, Coupling)
        conditioner = module.conditioner
        if isinstance(conditioner, Constant):
            for name, (_, bias) in heads.items():
                conditioner.heads[name].copy_(bias)
            return
        masked = isinstance(conditioner, MaskedConditioner)
        network = conditioner.network if isinstance(conditioner, MaskedConditioner) else conditioner
        assert isinstance(network, Conditioner)
        linears = [each for each in network.trunk.modules() if isinstance(each, nn.Linear)]
        for norm in (each for each in network.trunk.modules() if isinstance(each, nn.LayerNorm)):
            # Once more in float64: the weight was made in float32.
            norm.weight.fill_(math.sqrt((len(norm.weight) - 1) / len(norm.weight)))
        readers: list[nn.Module] = [*linears[:1]] or list(network.heads.values())
        for linear, given in zip(linears, trunk.linears, strict=True):
            put(linear, given, read=mask if masked and linear in readers else None)
        for name, size in network.sizes.items():
            head = network.heads[name]
            assert isinstance(head, nn.Linear)
            rows = (~mask).repeat_interleave(size) if masked and mask is not None else None
            put(head, heads[name], read=mask if masked and head in readers else None, rows=rows)

    return Layer(plan, write)


def put(linear: nn.Linear, given: Affine, read: Tensor | None = None, rows: Tensor | None = None) -> None:
    """Writes weights into a Linear, which may be wider: zero where there is nothing to read or to say.

    Arguments:
        linear: of all features and the context, where it is wider.
        given: of the kept features and the context.
        read: ``[features]``, True where a feature is read; None where the columns are the same.
        rows: ``[out]``, True for the rows that are given; None where they are the same.
    """
    weight, bias = given
    columns = slice(None) if read is None else torch.cat([read, read.new_ones(linear.in_features - len(read))])
    for parameter in (linear.weight, linear.bias):
        parameter.zero_()
    wide = weight.new_zeros(len(weight), linear.in_features)
    wide[:, columns] = weight
    linear.weight[slice(None) if rows is None else rows] = wide
    linear.bias[slice(None) if rows is None else rows] = bias


def elementwise(kind: str, tensors: Mapping[str, Tensor], **arguments: object) -> Layer:
    """A layer of one scale and shift a feature.

    Arguments:
        kind: ``ActNorm``, ``BatchNorm``, ``DiagonalNormal`` or ``Scaling``.
        tensors: its parameters and buffers, ``[features]`` each; what concerns no feature is a scalar.
        arguments: of its constructor, where they are not the defaults.
    """

    def write(module: nn.Module, split: Split) -> None:
        assert isinstance(module, PerPart)
        for name, tensor in tensors.items():
            parts = [tensor] * len(module.maps) if tensor.ndim == 0 else split(tensor)
            for each, part in zip(module.maps, parts, strict=True):
                getattr(each, name).copy_(part)

    return Layer({"layer": kind, **arguments}, write)


def permutation(order: Tensor) -> Layer:
    """Feature i of the result is feature ``order[i]`` of the input."""

    def write(module: nn.Module, split: Split) -> None:
        assert isinstance(module, PerPart)
        (mixing,) = module.maps
        assert isinstance(mixing, Permutation)
        mixing.order.copy_(order)

    return Layer({"layer": "Permutation"}, write)


def lu_linear(lower: Tensor, upper: Tensor, bias: Tensor) -> Layer:
    """y = L U x + b, ones on the diagonal of L and positive numbers on that of U, ``[features, features]`` each."""

    def write(module: nn.Module, split: Split) -> None:
        assert isinstance(module, PerPart)
        (linear,) = module.maps
        assert isinstance(linear, LULinear)
        linear.order.copy_(torch.arange(len(bias)))
        linear.sign.fill_(1)
        linear.lower.copy_(lower.tril(-1))
        linear.upper.copy_(upper.triu(1))
        linear.log_diagonal.copy_(upper.diagonal().log())
        linear.bias.copy_(bias)

    return Layer({"layer": "LULinear"}, write)


def taken_apart(last: Affine, sizes: Mapping[str, int]) -> dict[str, Affine]:
    """Splits a last layer whose rows are laid out feature by feature, each with all of its parameters in order.

    Arguments:
        last: ``[features · sum of sizes, width]``.
        sizes: parameter → numbers a feature.
    """
    weight, bias = (part.unflatten(0, (-1, sum(sizes.values()))) for part in last)
    ends = torch.tensor(list(sizes.values())).cumsum(0).tolist()
    return {
        name: (weight[:, end - size : end].flatten(0, 1), bias[:, end - size : end].flatten())
        for (name, size), end in zip(sizes.items(), ends, strict=True)
    }


@torch.no_grad()
def assembled(features: int, context: int, layers: Sequence[Layer]) -> Flow:
    """The flow of a stack, in float64: a RealNVP where it is one, else a `CouplingFlow`."""
    plans = [layer.plan for layer in layers]
    arguments = realnvp_arguments(features, context, plans)
    flow = (
        CouplingFlow(features, context, plans)
        if arguments is None
        else build({"flow": "RealNVP", "arguments": arguments})
    )
    flow.double().eval()
    for units in (flow.standardize, flow.standardize_context):
        if units is not None:
            # The library's own units: trained on, the flow starts from the density that was adopted.
            units.fit(torch.zeros_like(units.mean), torch.ones_like(units.scale))
    for module, layer in zip(flow.stack.layers, layers, strict=True):
        layer.write(module, flow.stack.split)
    return flow


def realnvp_arguments(features: int, context: int, plans: list[dict[str, object]]) -> dict[str, object] | None:
    """The arguments of the RealNVP whose layers these are, or None where there is none."""
    kinds = [plan["layer"] for plan in plans]
    couplings = [plan for plan in plans if plan["layer"] == "Coupling"]
    if not couplings:
        return None
    first = {key: value for key, value in couplings[0].items() if key not in ("layer", "mask")}
    normalization = next((kind for kind in kinds if kind in NORMALIZATIONS), None)
    mixing = next((kind for kind in kinds if kind in MIXINGS), None)
    base = "DiagonalNormal" if kinds[-1] == "DiagonalNormal" else "StandardNormal"
    # What such a RealNVP would consist of; if that is not this stack, there is none.
    expected = []
    for number, plan in enumerate(couplings):
        expected.append({"layer": "Coupling", "mask": plan["mask"], **first})
        expected += [{"layer": normalization}] if normalization else []
        expected += [{"layer": mixing}] if mixing and number < len(couplings) - 1 else []
    expected += [{"layer": base}] if base == "DiagonalNormal" else []
    if expected != plans:
        return None
    masks = [plan["mask"] for plan in couplings]
    usual = features == 1 or masks == alternating(features, len(masks)).tolist()
    return {
        "features": features,
        "context": context,
        "transforms": len(couplings),
        "masks": "alternating" if usual else masks,
        "normalization": normalization,
        "mixing": mixing,
        "base": base,
        "whiten": False,
        **first,
    }
