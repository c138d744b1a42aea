"""Where gradients that are written out take the place of plain formulas: while autograd records, and nothing else does.

The flows know none. `flowexport.training` brings them, with the same values; without it autograd differentiates the
plain formulas, which takes longer.
"""

from __future__ import annotations

__all__ = ["Step", "WrittenOut", "use", "written_out"]

from collections.abc import Callable, Iterable
from typing import Protocol

import torch
from torch import Tensor, nn

Step = tuple[nn.Module, tuple[int, int] | None]
"""A layer of a stack, with the parts that it keeps and moves where it is a coupling."""


class WrittenOut(Protocol):
    """Formulas with gradients of their own, of rows: tensors of two axes."""

    def through_layers(
        self, steps: Iterable[Step], parts: tuple[Tensor, ...], context: Tensor | None
    ) -> tuple[tuple[Tensor, ...], list[list[Tensor]]]:
        """`flowexport.flows.Stack.forward_and_log_det`, where log-determinants may come back added up."""

    def through_network(self, conditioner: nn.Module, x: Tensor) -> tuple[Tensor, ...] | None:
        """The heads of a `flowexport.flows.Conditioner`; None where another has to find them."""

    def through_spline(
        self,
        x: Tensor,
        widths: Tensor,
        heights: Tensor,
        derivatives: Tensor,
        bound: float,
        cap: float,
        plain: Callable[..., tuple[Tensor, Tensor]],
    ) -> tuple[Tensor, Tensor]:
        """The spline with softly clamped parameters; ``plain`` is the formula as autograd differentiates it."""


chosen: WrittenOut | None = None


def use(formulas: WrittenOut | None) -> None:
    """Takes these from now on, or plain ones again."""
    global chosen
    chosen = formulas


def written_out(like: Tensor) -> WrittenOut | None:
    """The formulas with gradients of their own, where they may be used for rows like these.

    A compiler, an exporter and the transforms of `torch.func` see the plain formula, and so does automatic mixed
    precision, which picks types by the operation.
    """
    may = (
        chosen is not None
        and like.ndim == 2
        and torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
        and torch._C._get_tracing_state() is None
        and not torch.is_autocast_enabled(like.device.type)
    )
    return chosen if may else None
