r"""Coupling layers, and the stacks that own what they keep and move.

A stack never splits, scatters or joins between its layers: it works on *parts*, a tuple of tensors that it
makes once at the entrance (``split``) and puts together once at the exit (``join``). Log-determinants come
back unsummed, a list for each part, so that one sum over layers and one over features do for all.

References:
    NICE: Non-linear Independent Components Estimation (Dinh et al., 2014), section 3.2,
    https://arxiv.org/abs/1410.8516
"""

__all__ = ["Coupling", "HalvesStack", "Parts", "Stack", "WholeStack"]

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Parts = tuple[Tensor, ...]
"""The tensors that a stack works on, each ``[*, features of that part]``."""


class Coupling(nn.Module):
    r"""Moves one part given another: (kept, moved, context) → (moved, log_det).

    .. math:: y_b = \tau(x_b; \theta(x_a, c)), \qquad y_a = x_a

    The log-determinant comes back unsummed, in the shape of the part that moved, or one that broadcasts to it.

    Arguments:
        conditioner: (kept, context) → the parameters of the bijection; see `flowexport.flows.conditioner`.
        univariate: the bijection; see `flowexport.flows.univariate`.
    """

    conditioner: Any
    univariate: Any

    def __init__(self, conditioner: nn.Module, univariate: nn.Module) -> None:
        super().__init__()
        self.conditioner = conditioner
        self.univariate = univariate

    def forward_and_log_det(self, kept: Tensor, moved: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        return self.univariate.forward_and_log_det(moved, *self.conditioner(kept, context))

    def inverse_and_log_det(self, kept: Tensor, moved: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        return self.univariate.inverse_and_log_det(moved, *self.conditioner(kept, context))


class Stack(nn.Module):
    """A sequence of couplings over the parts that it splits a vector into.

    Arguments:
        couplings: in the order x → z.
    """

    def __init__(self, couplings: Sequence[Coupling]) -> None:
        super().__init__()
        self.couplings: Any = nn.ModuleList(couplings)

    def split(self, x: Tensor) -> Parts:
        """``[*, features]`` → the parts."""
        raise NotImplementedError

    def join(self, parts: Parts) -> Tensor:
        """The parts → ``[*, features]``."""
        raise NotImplementedError

    def kept_and_moved(self, layer: int) -> tuple[int, int]:
        """Which part a layer keeps, and which it moves."""
        raise NotImplementedError

    def forward_and_log_det(self, parts: Parts, context: Tensor | None) -> tuple[Parts, list[list[Tensor]]]:
        """x → z, with the log-determinants of every layer in the list of the part that it moved."""
        return self._run("forward_and_log_det", range(len(self.couplings)), parts, context)

    def inverse_and_log_det(self, parts: Parts, context: Tensor | None) -> tuple[Parts, list[list[Tensor]]]:
        """z → x, with the log-determinants of every layer in the list of the part that it moved."""
        return self._run("inverse_and_log_det", reversed(range(len(self.couplings))), parts, context)

    def _run(
        self, direction: str, layers: Iterable[int], parts: Parts, context: Tensor | None
    ) -> tuple[Parts, list[list[Tensor]]]:
        current = list(parts)
        log_dets: list[list[Tensor]] = [[] for _ in parts]
        for layer in layers:
            kept, moved = self.kept_and_moved(layer)
            apply = getattr(self.couplings[layer], direction)
            current[moved], log_det = apply(current[kept], current[moved], context)
            log_dets[moved].append(log_det)
        return tuple(current), log_dets


class HalvesStack(Stack):
    """Couplings whose masks alternate: each moves what the last one kept, so two halves stay two tensors.

    Arguments:
        mask: ``[features]``, True where the first layer keeps the feature.
        couplings: in the order x → z.
    """

    first: Tensor
    second: Tensor
    order: Tensor

    def __init__(self, mask: Tensor, couplings: Sequence[Coupling]) -> None:
        super().__init__(couplings)
        # 32-bit indices: the exported graph is meant for runtimes without 64-bit arithmetic.
        first, second = (half.nonzero().flatten().int() for half in (mask, ~mask))
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)
        self.register_buffer("order", torch.cat([first, second]).argsort().int(), persistent=False)

    def split(self, x: Tensor) -> Parts:
        return x.index_select(-1, self.first), x.index_select(-1, self.second)

    def join(self, parts: Parts) -> Tensor:
        return torch.cat(parts, dim=-1).index_select(-1, self.order)

    def kept_and_moved(self, layer: int) -> tuple[int, int]:
        return layer % 2, (layer + 1) % 2


class WholeStack(Stack):
    """Couplings on the whole vector, whose conditioners do the selecting: any masks, or a single feature."""

    def split(self, x: Tensor) -> Parts:
        return (x,)

    def join(self, parts: Parts) -> Tensor:
        return parts[0]

    def kept_and_moved(self, layer: int) -> tuple[int, int]:
        return 0, 0
