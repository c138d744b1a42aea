"""Folds: each moves work out of the graph and into the weights, and changes nothing else.

A fold takes a `LeanFlow` in float64 and edits it in place. What does not commute stays a node: the mean of
the data is one Sub at the entrance, since folded into a first Linear it costs digits (an error of 5e-3 where
mean / deviation is 1e4, against 1e-6).
"""

from __future__ import annotations

__all__ = [
    "FOLDS",
    "ClampedAffine",
    "fold_all",
    "fold_clamp",
    "fold_context_scale",
    "fold_identity",
    "fold_masks",
    "fold_scale",
]

from collections.abc import Callable

import torch
from torch import Tensor, nn

from flowexport.flows import Affine, Conditioner, Coupling
from flowexport.flows.conditioner import Constant, ContextConditioner, MaskedConditioner

from .lean import LeanFlow
from .operators import softsign


class ClampedAffine(nn.Module):
    """`flowexport.flows.Affine` once the clamp's 1/cap is in its Linear: log scale = cap · softsign(a)."""

    cap: Tensor
    minus_cap: Tensor

    def __init__(self, cap: float) -> None:
        super().__init__()
        self.register_buffer("cap", torch.tensor(cap, dtype=torch.float64))
        self.register_buffer("minus_cap", torch.tensor(-cap, dtype=torch.float64))

    def forward_and_log_det(self, x: Tensor, shift: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
        log_scale = softsign(log_scale) * self.cap
        return x * log_scale.exp() + shift, log_scale

    def inverse_and_log_det(self, y: Tensor, shift: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
        log_scale = softsign(log_scale) * self.minus_cap
        return (y - shift) * log_scale.exp(), log_scale


def fold_identity(lean: LeanFlow) -> None:
    """Leaves out a standardisation that does nothing."""
    for name, nothing in (("mean", 0.0), ("entrance", 1.0), ("context_mean", 0.0), ("context_entrance", 1.0)):
        value = getattr(lean, name)
        if value is not None and bool((value == nothing).all()):
            setattr(lean, name, None)


def fold_masks(lean: LeanFlow) -> None:
    """Masks become columns of zeros in the first Linear and rows of zeros in the heads."""
    for coupling in couplings(lean):
        if isinstance(coupling.conditioner, MaskedConditioner):
            mask, network = coupling.conditioner.mask, coupling.conditioner.network
            for linear in first_linears(network):
                linear.weight[:, : len(mask)] *= mask
            for name, head in network.heads.items():
                moved = (~mask).repeat_interleave(network.sizes[name])
                head.weight *= moved[:, None]
                head.bias *= moved
            coupling.conditioner = network


def fold_clamp(lean: LeanFlow) -> None:
    """The clamp's 1/cap goes into the Linear of the log scale."""
    for coupling in couplings(lean):
        if isinstance(coupling.univariate, Affine):
            cap = coupling.univariate.cap
            for parameter in head_parameters(coupling, "log_scale"):
                parameter /= cap
            coupling.univariate = ClampedAffine(cap)


def fold_scale(lean: LeanFlow) -> None:
    """The scale of the data moves from the entrance to the base, through every affine coupling.

    With :math:`u = e v`, :math:`u' = u e^l + t` is :math:`v' = v e^l + t / e`: columns of the next first
    Linear are multiplied by e, rows of the shift Linear divided, and the base takes the rest.
    """
    if lean.entrance is None or not all(isinstance(c.univariate, (Affine, ClampedAffine)) for c in couplings(lean)):
        return
    scales = lean.stack.split(lean.entrance)
    for layer, coupling in enumerate(couplings(lean)):
        kept, moved = (scales[part] for part in lean.stack.kept_and_moved(layer))
        if not isinstance(coupling.conditioner, (Constant, ContextConditioner)):
            network = getattr(coupling.conditioner, "network", coupling.conditioner)
            for linear in first_linears(network):
                linear.weight[:, : len(kept)] *= kept
        for parameter in head_parameters(coupling, "shift"):
            parameter /= moved if parameter.ndim == 1 else moved[:, None]
    lean.exit = lean.entrance if lean.exit is None else lean.exit * lean.entrance
    lean.entrance = None


def fold_context_scale(lean: LeanFlow) -> None:
    """The scale of the context goes into the columns of every first Linear."""
    if lean.context_entrance is None:
        return
    width = len(lean.context_entrance)
    for coupling in couplings(lean):
        for linear in first_linears(getattr(coupling.conditioner, "network", coupling.conditioner)):
            linear.weight[:, -width:] *= lean.context_entrance
    lean.context_entrance = None


FOLDS: tuple[Callable[[LeanFlow], None], ...] = (fold_identity, fold_masks, fold_clamp, fold_scale, fold_context_scale)
"""All folds, in their order."""


@torch.no_grad()
def fold_all(lean: LeanFlow) -> LeanFlow:
    """Applies every fold, in place."""
    for fold in FOLDS:
        fold(lean)
    return lean


def couplings(lean: LeanFlow) -> list[Coupling]:
    return list(lean.stack.couplings)


def first_linears(network: Conditioner) -> list[nn.Linear]:
    """The Linears that read the conditioner's input: the trunk's first, or the heads where it is empty."""
    trunk = [module for module in network.trunk if isinstance(module, nn.Linear)]
    return trunk[:1] or list(network.heads.values())


def head_parameters(coupling: Coupling, name: str) -> list[Tensor]:
    """What makes one parameter of a coupling: weight and bias of its Linear, or a constant."""
    network = getattr(coupling.conditioner, "network", coupling.conditioner)
    head = network.heads[name]
    return [head.weight, head.bias] if isinstance(head, nn.Linear) else [head]
