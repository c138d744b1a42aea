"""Folds: each moves work out of the graph and into the weights, and changes nothing else.

A fold takes a `LeanFlow` in float64 and edits it in place. What does not commute stays a node: the mean of
the data is one Sub at the entrance, since folded into a first Linear it costs digits (an error of 5e-3 where
mean / deviation is 1e4, against 1e-6).
"""

from __future__ import annotations

__all__ = [
    "FOLDS",
    "IMAGE_FOLDS",
    "fold_all",
    "fold_context_scale",
    "fold_elementwise",
    "fold_embeddings",
    "fold_halves",
    "fold_identity",
    "fold_linear",
    "fold_masks",
    "fold_permutations",
    "fold_splines",
    "fold_univariates",
    "fold_whitening",
]

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from flowexport.flows import Affine, Inverse, LULinear, Permutation, PerPart, SigmoidAffine, WholeStack
from flowexport.flows.conditioner import MaskedConditioner
from flowexport.flows.diagonal import Elementwise
from flowexport.flows.images import MaskedImageConditioner, MultiScaleStack

from . import images
from .diagonals import fold_diagonals
from .halves import fold_halves
from .inverse import inverse_of
from .lean import DenseLinear, Diagonal, LeanFlow
from .networks import first_linears, head_parameters, inner, reads_features, set_weight
from .splines import fold_splines
from .univariates import ClampedAffine, SigmoidScale


def fold_identity(lean: LeanFlow) -> None:
    """Leaves out a standardisation that does nothing."""
    for name, nothing in (("mean", 0.0), ("entrance", 1.0), ("context_mean", 0.0), ("context_entrance", 1.0)):
        value = getattr(lean, name)
        if value is not None and bool((value == nothing).all()):
            setattr(lean, name, None)


def fold_whitening(lean: LeanFlow) -> None:
    """The scale of the data goes into the columns of the whitening matrix."""
    if lean.whiten is None or lean.entrance is None:
        return
    lean.whiten.weight *= lean.entrance
    lean.whiten.inverse /= lean.entrance[:, None]
    lean.entrance = None


def fold_linear(lean: LeanFlow) -> None:
    """A learned linear map becomes its matrix and the inverse of it; its log-determinant is a constant."""

    def dense(each: nn.Module) -> nn.Module:
        if not isinstance(each, LULinear):
            return each
        weight = each.weight()
        lean.constant += each.log_diagonal.sum()
        return DenseLinear(weight, inverse_of(weight), each.bias.detach().clone())

    replace_maps(lean, dense)


def fold_elementwise(lean: LeanFlow) -> None:
    """ActNorm, BatchNorm and scalings become one scale and one shift; their log-determinants are constants."""

    def diagonal(each: nn.Module) -> nn.Module:
        if not isinstance(each, Elementwise):
            return each
        log_scale, shift = each.coefficients()
        lean.constant += log_scale.sum()
        return Diagonal(log_scale.exp(), torch.zeros_like(log_scale) if shift is None else shift.detach().clone())

    replace_maps(lean, diagonal)


def fold_masks(lean: LeanFlow) -> None:
    """Masks become columns of zeros in the first Linear and rows of zeros in the heads."""
    for coupling in lean.stack.couplings:
        if isinstance(coupling.conditioner, MaskedConditioner):
            mask, network = coupling.conditioner.mask, coupling.conditioner.network
            for linear in first_linears(network):
                linear.weight[:, : len(mask)] *= mask
            for name, head in network.heads.items():
                moved = (~mask).repeat_interleave(network.sizes[name])
                head.weight *= moved[:, None]
                head.bias *= moved
            network.moved = ~mask
            coupling.conditioner = network


def fold_permutations(lean: LeanFlow) -> None:
    """Permutations go into columns, rows and masks of all that comes after them.

    The graph then holds v where the flow has u = v[π]. At the z end log_prob has no use for π, a sum over features
    being the same in any order, and sample takes its noise in that order with one Gather.
    """
    maps = [each for layer in lean.stack.layers if isinstance(layer, PerPart) for each in layer.maps]
    if not isinstance(lean.stack, WholeStack) or not any(isinstance(each, Permutation) for each in maps):
        return
    if any(isinstance(each, (Elementwise, LULinear)) for each in maps):
        return
    order = torch.arange(lean.event_shape[0])
    kept = []
    for layer in lean.stack.layers:
        if not isinstance(layer, PerPart):
            reorder_coupling(layer, order)
            kept.append(layer)
            continue
        (each,) = layer.maps
        if isinstance(each, Permutation):
            order = order[each.order]
            continue
        if isinstance(each, DenseLinear):
            each.weight, each.inverse = reordered(each.weight, order, 1), reordered(each.inverse, order, 0)
            order = torch.arange(len(order))
        elif isinstance(each, Diagonal):
            for name in ("scale", "shift", "inverse_scale"):
                setattr(each, name, reordered(getattr(each, name), order, 0))
        kept.append(layer)
    lean.stack.layers = nn.ModuleList(kept)
    if lean.exit is not None:
        lean.exit = reordered(lean.exit, order, 0)
    if lean.mixture is not None:
        for name in ("means", "scales", "inverse_scales"):
            setattr(lean.mixture, name, reordered(getattr(lean.mixture, name), order, 1))
    if not torch.equal(order, torch.arange(len(order))):
        lean.order = order.argsort().int()


def fold_univariates(lean: LeanFlow) -> None:
    """The clamp's 1/cap goes into the Linear of the log scale, a sigmoid's offset into its bias."""

    def folded(coupling: Any, univariate: Any) -> nn.Module:
        if isinstance(univariate, Inverse):
            return Inverse(folded(coupling, univariate.univariate))
        if isinstance(univariate, Affine):
            for parameter in head_parameters(coupling, "log_scale"):
                parameter /= univariate.cap
            return ClampedAffine(univariate.cap)
        masked = isinstance(coupling.conditioner, (MaskedConditioner, MaskedImageConditioner))
        if isinstance(univariate, SigmoidAffine) and not masked:
            head_parameters(coupling, "scale")[-1].add_(univariate.offset)
            return SigmoidScale(univariate)
        return univariate

    for coupling in lean.stack.couplings:
        coupling.univariate = folded(coupling, coupling.univariate)


def fold_context_scale(lean: LeanFlow) -> None:
    """The scale of the context goes into the columns of every first Linear."""
    if lean.context_entrance is None:
        return
    widths = [1] * lean.context if lean.encoder is None else lean.encoder.widths
    categories = [0] * lean.context if lean.encoder is None else lean.encoder.categories
    # A code is compared with whole numbers, so its column has no scale.
    scale = torch.cat(
        [
            torch.ones(width, dtype=torch.float64) if count else of_column[None]
            for width, count, of_column in zip(widths, categories, lean.context_entrance, strict=True)
        ]
    )
    for linear in context_linears(lean):
        linear.weight[:, -len(scale) :] *= scale
    lean.context_entrance = None


def fold_embeddings(lean: LeanFlow) -> None:
    """Tables of embeddings go into the first Linears, which then read one-hot rows."""
    if lean.encoder is None or not any(lean.encoder.embeddings):
        return
    encoder = lean.encoder
    widths = encoder.widths
    for linear in context_linears(lean):
        features, *columns = linear.weight.split([linear.in_features - sum(widths), *widths], dim=1)
        columns = [
            block @ encoder.tables[str(column)].T if encoder.embeddings[column] else block
            for column, block in enumerate(columns)
        ]
        set_weight(linear, torch.cat([features, *columns], dim=1))
    encoder.tables = nn.ParameterDict()
    encoder.embeddings = [0] * len(widths)


FOLDS: tuple[Callable[[LeanFlow], None], ...] = (
    fold_identity,
    fold_whitening,
    fold_linear,
    fold_elementwise,
    fold_masks,
    fold_permutations,
    fold_univariates,
    fold_splines,
    fold_diagonals,
    fold_context_scale,
    fold_embeddings,
    fold_halves,
)
"""All folds of flows of vectors, in their order."""

IMAGE_FOLDS: tuple[Callable[[LeanFlow], None], ...] = (
    fold_identity,
    images.fold_batch_norms,
    images.fold_channel_maps,
    images.fold_channel_masks,
    fold_univariates,
    images.fold_checkerboards,
    images.fold_channel_scales,
    images.fold_squeezes,
    fold_context_scale,
    fold_embeddings,
)
"""Those of flows of images."""


@torch.no_grad()
def fold_all(lean: LeanFlow) -> LeanFlow:
    """Applies every fold, in place."""
    for fold in IMAGE_FOLDS if isinstance(lean.stack, MultiScaleStack) else FOLDS:
        fold(lean)
    return lean


def replace_maps(lean: LeanFlow, replacement: Callable[[nn.Module], nn.Module]) -> None:
    """Puts another map in place of each that works on one part."""
    for layer in lean.stack.layers:
        if isinstance(layer, PerPart):
            layer.maps = nn.ModuleList(replacement(each) for each in layer.maps)


def context_linears(lean: LeanFlow) -> list[nn.Linear]:
    """Every Linear that reads the context, in its last columns."""
    return [linear for coupling in lean.stack.couplings for linear in first_linears(coupling.conditioner)]


def reorder_coupling(coupling: Any, order: Tensor) -> None:
    """Makes a coupling on u = v[order] one on v."""
    conditioner = coupling.conditioner
    if isinstance(conditioner, MaskedConditioner):
        conditioner.mask = reordered(conditioner.mask, order, 0)
    elif hasattr(conditioner, "moved"):
        conditioner.moved = reordered(conditioner.moved, order, 0)
    network = inner(conditioner)
    if reads_features(conditioner):
        for linear in first_linears(conditioner):
            linear.weight[:, : len(order)] = reordered(linear.weight[:, : len(order)], order, 1)
    for name, size in network.sizes.items():
        for parameter in head_parameters(coupling, name):
            rows = parameter.unflatten(0, (-1, size))
            parameter.copy_(reordered(rows, order, 0).flatten(0, 1))


def reordered(tensor: Tensor, order: Tensor, dim: int) -> Tensor:
    """What stands for feature i of u, put where v has it."""
    return tensor.index_select(dim, order.argsort())
