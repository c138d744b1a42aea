"""How much a constructor may make: a small file that spells a flow must not take all memory."""

from __future__ import annotations

__all__ = ["Room", "room_beside"]

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from flowexport.errors import ArgumentError

TENSOR = 1024
"""Numbers that a tensor counts for besides its own: what it and the module that holds it take, so that a loop ends."""

BESIDE = (8, 1 << 25)
"""Numbers that a module may make: so many a byte of its weights, and so many besides. Each weight is made, drawn and
perhaps scaled, and is four bytes in the file; masks are no part of it, and may be as large as an image."""

FILLS = frozenset(
    {
        nn.init.kaiming_uniform_,
        nn.init.normal_,
        nn.init.uniform_,
        torch.Tensor.fill_,
        torch.Tensor.normal_,
        torch.Tensor.uniform_,
        torch.Tensor.zero_,
    }
)
"""What gives a parameter its first numbers."""

OUT_OF_MEMORY = "allocate memory"
"""What torch says where the processor's memory, or what the system allows of it, is at an end."""


class Room(TorchFunctionMode):
    """Counts the numbers that are made inside it, and stops before there are too many.

    It sees the calls of torch's functions: a mode of the dispatcher would import torch's compiler, for a second and
    170 MB.

    Arguments:
        numbers: that may be made.
        refusal: what the error says where they are not enough.
        fill: whether parameters get their first numbers. Those that are loaded next need none, and memory that nobody
            writes to is not taken.

    Raises:
        ArgumentError: with that refusal, before what is too many is made, or where there is no memory for it.
    """

    def __init__(self, numbers: int, refusal: str, fill: bool = True) -> None:
        super().__init__()
        self.left = numbers
        self.refusal = refusal
        self.fill = fill

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        given = [*args, *(kwargs or {}).values()]
        if not self.fill and func in FILLS and isinstance(given[0], nn.Parameter):
            return given[0]
        self.require(numbers_of(func, given))
        try:
            result = func(*args, **(kwargs or {}))
        except RuntimeError as error:
            if OUT_OF_MEMORY in str(error):
                raise ArgumentError(self.refusal) from error
            raise
        self.left -= sum(TENSOR + each.numel() for each in tree_leaves(result) if isinstance(each, Tensor))
        self.require(0)
        return result

    def require(self, numbers: int) -> None:
        """Refuses more numbers than there is room for."""
        if numbers > self.left:
            raise ArgumentError(self.refusal)


def room_beside(size: int) -> int:
    """The numbers that a module may make whose weights are so many bytes."""
    return BESIDE[0] * size + BESIDE[1]


def numbers_of(func: Callable[..., object], given: Sequence[object]) -> int:
    """The least that a function makes: from a shape, all of it; from tensors, what they are broadcast to."""
    tensors = [each for each in tree_leaves(given) if isinstance(each, Tensor)]
    if tensors:
        try:
            return math.prod(torch.broadcast_shapes(*(each.shape for each in tensors)))
        except RuntimeError:
            return 0
    shape = next((each for each in given if isinstance(each, (list, tuple))), given)
    sizes = [each for each in shape if isinstance(each, int) and not isinstance(each, bool) and each > 0]
    return math.prod(sizes) ** (2 if func is torch.eye and len(sizes) == 1 else 1)
