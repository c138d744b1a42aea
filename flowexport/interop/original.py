"""The original of an adopted flow: what the other library itself says of its model, and the check against it."""

from __future__ import annotations

__all__ = ["Original", "adopted", "exact_copy", "require_same"]

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from flowexport.errors import ArgumentError
from flowexport.flows import Flow

from .layers import Layer, assembled

Trained = TypeVar("Trained", bound=nn.Module)

ROWS = 64
"""Rows of noise at which an adopted flow is held to its original."""

BOUND = 1e-7
"""Nats and units of a feature, absolute and relative, in float64. The same sums in another order differ by 1e-12 or so,
times what the flow magnifies it by; another formula differs by 1e-3 and more."""


@dataclass(frozen=True)
class Original:
    """A trained model of another library, as that library computes it in float64, in eval mode.

    Arguments:
        library: its name and version.
        features, context: the numbers of features and of context columns.
        log_prob: ``x [rows, features]`` and ``context [rows, context]`` or None → ``[rows]``, nats.
        sample_and_log_prob: standard normals ``[rows, features]`` and context → x of that noise by the library's own
            way from latent to data, and log p(x) by that same way.
    """

    library: str
    features: int
    context: int
    log_prob: Callable[[Tensor, Tensor | None], Tensor]
    sample_and_log_prob: Callable[[Tensor, Tensor | None], tuple[Tensor, Tensor]]


def exact_copy(module: Trained, memo: Mapping[int, object] | None = None) -> Trained:
    """The module in float64 on the CPU in eval mode, without gradients; the module itself is not changed.

    Arguments:
        module: the trained module.
        memo: from the identity of objects that are not to be copied to what stands in their place.
    """
    return copy.deepcopy(module, dict(memo or {})).double().cpu().eval().requires_grad_(False)


def adopted(module: nn.Module, original: Original, layers: Sequence[Layer]) -> Flow:
    """The flow of a stack's layers, held to the original's own numbers, in the type and place of the trained module.

    Raises:
        ArgumentError: where the two differ.
    """
    try:
        flow = assembled(original.features, original.context, layers)
    except (RuntimeError, ValueError) as error:
        raise ArgumentError(f"{original.library}: the weights do not fit together: {error}") from error
    require_same(flow, original)
    weight = next((each for each in module.parameters()), None)
    return flow.float() if weight is None else flow.to(device=weight.device, dtype=weight.dtype)


@torch.no_grad()
def require_same(flow: Flow, original: Original) -> None:
    """Compares log_prob and samples of the same noise, in float64, on the original's own samples and away from them.

    Raises:
        ArgumentError: where they differ, or the original's are not finite.
    """
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(ROWS, flow.features, dtype=torch.float64, generator=generator)
    shape = (ROWS, flow.context)
    context = torch.randn(shape, dtype=torch.float64, generator=generator) if flow.context else None
    x, log_prob = original.sample_and_log_prob(z, context)
    # Between samples of other rows, where the density is not that of a sample.
    away = x + (x.roll(1, 0) - x) * torch.rand(ROWS, 1, dtype=torch.float64, generator=generator)
    ours, log_det = flow.inverse_and_log_det(flow.base.latent(z), context)
    pairs = {
        "sample": (ours, x),
        "log_prob of a sample": (flow.base.log_prob(z) - log_det, log_prob),
        "log_prob": (flow.log_prob(away, context), original.log_prob(away, context)),
    }
    for name, (measured, expected) in pairs.items():
        difference = (measured - expected).abs()
        if not bool((difference <= BOUND * (1 + expected.abs())).all()):
            raise ArgumentError(
                f"{original.library}: the adopted flow's {name} differs from the library's own by up to "
                f"{float(difference.max()):.3g} in float64, so it is not adopted; where that is NaN, the model diverged"
            )
