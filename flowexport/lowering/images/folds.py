"""Folds: each moves work out of the graph and into the weights, and changes nothing else.

A fold takes a `LeanImages` in float64 and edits it in place.
"""

from __future__ import annotations

__all__ = ["FOLDS", "fold_all", "fold_context_scale", "fold_embeddings", "fold_identity", "fold_univariates"]

from collections.abc import Callable

import torch
from torch import nn

from flowexport.flows import Affine, Coupling, Inverse, SigmoidAffine
from flowexport.flows.contracts import UnivariateMap
from flowexport.flows.images import MaskedImageConditioner

from . import layers
from .lean import LeanImages
from .networks import context_linears, head_parameters
from .univariates import ClampedAffine, SigmoidScale


def fold_identity(lean: LeanImages) -> None:
    """Leaves out a standardisation of the context that does nothing."""
    for name, nothing in (("context_mean", 0.0), ("context_entrance", 1.0)):
        value = getattr(lean, name)
        if value is not None and bool((value == nothing).all()):
            setattr(lean, name, None)


def fold_univariates(lean: LeanImages) -> None:
    """The clamp's 1/cap goes into what makes the log scale, a sigmoid's offset into its bias."""

    def folded(coupling: Coupling, univariate: UnivariateMap) -> UnivariateMap:
        if isinstance(univariate, Inverse):
            return Inverse(folded(coupling, univariate.univariate))
        if isinstance(univariate, Affine):
            for parameter in head_parameters(coupling, "log_scale"):
                parameter /= univariate.cap
            return ClampedAffine(univariate.cap)
        if isinstance(univariate, SigmoidAffine) and not isinstance(coupling.conditioner, MaskedImageConditioner):
            head_parameters(coupling, "scale")[-1].add_(univariate.offset)
            return SigmoidScale(univariate)
        return univariate

    for coupling in lean.stack.couplings:
        coupling.univariate = folded(coupling, coupling.univariate)


def fold_context_scale(lean: LeanImages) -> None:
    """The scale of the context goes into the columns of every Linear that reads it."""
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
    for linear in context_linears(lean.stack.couplings):
        linear.weight *= scale
    lean.context_entrance = None


def fold_embeddings(lean: LeanImages) -> None:
    """Tables of embeddings go into the Linears, which then read one-hot rows."""
    encoder = lean.encoder
    if encoder is None or not any(encoder.embeddings):
        return
    for linear in context_linears(lean.stack.couplings):
        columns = [
            block @ encoder.tables[str(column)].T if encoder.embeddings[column] else block
            for column, block in enumerate(linear.weight.split(encoder.widths, dim=1))
        ]
        linear.weight = nn.Parameter(torch.cat(columns, dim=1), requires_grad=False)
    encoder.tables = nn.ParameterDict()
    encoder.embeddings = [0] * len(encoder.embeddings)


FOLDS: tuple[Callable[[LeanImages], None], ...] = (
    fold_identity,
    layers.fold_batch_norms,
    layers.fold_channel_maps,
    layers.fold_channel_masks,
    fold_univariates,
    layers.fold_checkerboards,
    layers.fold_channel_scales,
    layers.fold_squeezes,
    fold_context_scale,
    fold_embeddings,
)
"""All folds, in their order."""


@torch.no_grad()
def fold_all(lean: LeanImages) -> LeanImages:
    """Applies every fold, in place."""
    for fold in FOLDS:
        fold(lean)
    return lean
