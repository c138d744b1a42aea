r"""Stacks: sequences of layers that own what their couplings keep and move.

A stack never splits, scatters or joins between its couplings: it works on *parts*, a tuple of tensors that it
makes once at the entrance (``split``) and puts together once at the exit (``join``). Log-determinants come
back unsummed, a list for each part, so that one sum over layers and one over features do for all.
"""

from __future__ import annotations

__all__ = ["HalvesStack", "LogDets", "Parts", "PerPart", "Stack", "WholeStack", "run"]

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from .coupling import Coupling
from .recorded import Step, written_out

Parts = tuple[Tensor, ...]
"""The tensors that a stack works on, each ``[*, features of that part]``."""

LogDets = list[list[Tensor]]
"""For each part the log-determinants of the layers that moved it, unsummed."""


class PerPart(nn.Module):
    """A layer that maps each part by itself: an elementwise one, or a linear one where the vector is one part.

    Arguments:
        maps: one a part, with ``forward_and_log_det(part)`` and ``inverse_and_log_det(part)``.
    """

    def __init__(self, maps: Iterable[nn.Module]) -> None:
        super().__init__()
        self.maps = nn.ModuleList(maps)


class Stack(nn.Module):
    """A sequence of couplings and of maps on each part.

    Arguments:
        layers: `Coupling` and `PerPart`, in the order x → z.
    """

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    @property
    def couplings(self) -> list[Coupling]:
        """The couplings alone, in the order x → z."""
        return [layer for layer in self.layers if isinstance(layer, Coupling)]

    def split(self, x: Tensor) -> Parts:
        """``[*, features]`` → the parts."""
        raise NotImplementedError

    def join(self, parts: Parts) -> Tensor:
        """The parts → ``[*, features]``."""
        raise NotImplementedError

    def split_latent(self, u: Tensor) -> Parts:
        """``[*, features]`` at the z end → the parts."""
        return self.split(u)

    def join_latent(self, parts: Parts) -> Tensor:
        """The parts at the z end → ``[*, features]``."""
        return self.join(parts)

    def kept_and_moved(self, coupling: int) -> tuple[int, int]:
        """Which part a coupling keeps, and which it moves; couplings are counted without the layers between them."""
        raise NotImplementedError

    def steps(self) -> list[Step]:
        """Every layer, with the parts that it keeps and moves where it is a coupling."""
        steps: list[Step] = []
        count = 0
        for layer in self.layers:
            is_coupling = isinstance(layer, Coupling)
            steps.append((layer, self.kept_and_moved(count) if is_coupling else None))
            count += is_coupling
        return steps

    def forward_and_log_det(self, parts: Parts, context: Tensor | None) -> tuple[Parts, LogDets]:
        """x → z, with the log-determinants of every layer in the list of the part that it moved."""
        by_hand = written_out(parts[0])
        if by_hand is not None:
            return by_hand.through_layers(self.steps(), parts, context)
        return run("forward_and_log_det", self.steps(), parts, context)

    def inverse_and_log_det(self, parts: Parts, context: Tensor | None) -> tuple[Parts, LogDets]:
        """z → x, with the log-determinants of every layer in the list of the part that it moved."""
        return run("inverse_and_log_det", reversed(self.steps()), parts, context)


def run(
    direction: str,
    steps: Iterable[Step],
    parts: Parts,
    context: Tensor | None,
) -> tuple[Parts, LogDets]:
    """Takes parts through layers, by the method that ``direction`` names."""
    current = list(parts)
    log_dets: LogDets = [[] for _ in parts]
    for layer, route in steps:
        if route is None:
            assert isinstance(layer, PerPart)
            moves = [(part, getattr(each, direction)(current[part])) for part, each in enumerate(layer.maps)]
        else:
            kept, moved = route
            moves = [(moved, getattr(layer, direction)(current[kept], current[moved], context))]
        for part, (current[part], log_det) in moves:
            if log_det is not None:
                log_dets[part].append(log_det)
    return tuple(current), log_dets


class HalvesStack(Stack):
    """Couplings whose masks alternate: each moves what the last one kept, so two halves stay two tensors.

    Arguments:
        mask: ``[features]``, True where the first coupling keeps the feature.
        layers: in the order x → z.
    """

    first: Tensor
    second: Tensor
    order: Tensor

    def __init__(self, mask: Tensor, layers: Sequence[nn.Module]) -> None:
        super().__init__(layers)
        for name, indices in indices_of(mask).items():
            self.register_buffer(name, indices, persistent=False)

    @property
    def mask(self) -> Tensor:
        """``[features]``, True where the first coupling keeps the feature."""
        return self.order < len(self.first)

    def divide(self, mask: Tensor) -> None:
        """Takes other halves of the same sizes, which is for a flow that nothing has been learned in.

        Arguments:
            mask: ``[features]``, True where the first coupling keeps the feature.
        """
        for name, indices in indices_of(mask).items():
            getattr(self, name).copy_(indices)

    def split(self, x: Tensor) -> Parts:
        return x.index_select(-1, self.first), x.index_select(-1, self.second)

    def join(self, parts: Parts) -> Tensor:
        return torch.cat(parts, dim=-1).index_select(-1, self.order)

    def kept_and_moved(self, coupling: int) -> tuple[int, int]:
        return coupling % 2, (coupling + 1) % 2


def indices_of(mask: Tensor) -> dict[str, Tensor]:
    """The features of the first and of the second half, and where each feature is in both one after the other."""
    # 32-bit indices: the exported graph is meant for runtimes without 64-bit arithmetic.
    first, second = (half.nonzero().flatten().int() for half in (mask, ~mask))
    return {"first": first, "second": second, "order": torch.cat([first, second]).argsort().int()}


class WholeStack(Stack):
    """Couplings on the whole vector, whose conditioners do the selecting: any masks, or a single feature."""

    def split(self, x: Tensor) -> Parts:
        return (x,)

    def join(self, parts: Parts) -> Tensor:
        return parts[0]

    def kept_and_moved(self, coupling: int) -> tuple[int, int]:
        return 0, 0
