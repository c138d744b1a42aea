"""Lean layers of image flows: what is constant in them is in a weight or a buffer."""

from __future__ import annotations

__all__ = ["ChannelLinear", "ChannelShift", "LeanCheckerboard", "LeanSqueeze"]

from torch import Tensor, nn
from torch.nn.functional import conv2d

from flowexport.flows.images import MaskedImageConditioner, Squeeze

from .operators import depth_to_space, space_to_depth


class ChannelShift(nn.Module):
    """x + shift, ``[C, 1, 1]``."""

    shift: Tensor

    def __init__(self, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("shift", shift)

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, None]:
        return x + self.shift, None

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, None]:
        return y - self.shift, None


class ChannelLinear(nn.Module):
    """A linear map of the channels by its matrix and the inverse of it; its log-determinant is in the flow's constant.

    Arguments:
        weight, inverse: ``[C, C]`` each.
        bias: ``[C]``.
    """

    weight: Tensor
    inverse: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, inverse: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("inverse", inverse)
        self.register_buffer("bias", bias)

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, None]:
        return conv2d(x, self.weight[:, :, None, None], self.bias), None

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, None]:
        return conv2d(y - self.bias[:, None, None], self.inverse[:, :, None, None]), None


class LeanCheckerboard(nn.Module):
    """`flowexport.flows.images.MaskedImageConditioner` on pixels, with masks only where they are needed.

    Arguments:
        masked: the trained conditioner, on a checkerboard.
    """

    kept: Tensor
    moved: Tensor

    def __init__(self, masked: MaskedImageConditioner) -> None:
        super().__init__()
        self.network = masked.network
        self.register_buffer("kept", masked.kept)
        self.register_buffer("moved", masked.moved)
        self.unmasked: set[str] = set()
        self.told_kept: set[str] = set()

    def tell_kept(self, name: str, number: float) -> None:
        """Gives kept pixels a number in place of zero, for the parameter of a name."""
        self.told_kept.add(name)
        self.register_buffer(f"kept_{name}", self.kept * number)

    def forward(self, kept: Tensor, context: Tensor | None) -> tuple[Tensor, ...]:
        parameters = self.network(kept * self.kept, context)
        return tuple(self.told(name, parameter) for name, parameter in zip(self.network.sizes, parameters, strict=True))

    def told(self, name: str, parameter: Tensor) -> Tensor:
        """A parameter as the univariate map is to take it."""
        if name in self.unmasked:
            return parameter
        masked = parameter * (self.moved if self.network.sizes[name] == 1 else self.moved[..., None])
        return masked + getattr(self, f"kept_{name}") if name in self.told_kept else masked


class LeanSqueeze(Squeeze):
    """`flowexport.flows.images.Squeeze`, one node."""

    def forward(self, x: Tensor) -> Tensor:
        squeezed: Tensor = space_to_depth(x)
        return squeezed

    def inverse(self, y: Tensor) -> Tensor:
        image: Tensor = depth_to_space(y)
        return image
