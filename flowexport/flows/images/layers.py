"""Layers of an image flow beside its couplings, on ``[rows, channels, height, width]``."""

from __future__ import annotations

__all__ = ["PerChannel", "Squeeze", "channel_masks", "checkerboards"]

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..contracts import Layer


class Squeeze(nn.Module):
    """Trades space for channels: each block of 2 × 2 pixels becomes one pixel of four times the channels.

    The channels of a pixel are those of the block's upper left pixel, then upper right, lower left and lower right:
    the order of ONNX's SpaceToDepth. Halves of the channels are then rows of the image in turn, which no
    checkerboard has told apart before.

    References:
        Density estimation using Real NVP (Dinh et al., 2016), section 3.6, https://arxiv.org/abs/1605.08803
    """

    def forward(self, x: Tensor) -> Tensor:
        """``[rows, C, H, W]`` → ``[rows, 4 C, H / 2, W / 2]``."""
        blocks: Tensor = x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
        return blocks.permute(0, 3, 5, 1, 2, 4).flatten(1, 3)

    def inverse(self, y: Tensor) -> Tensor:
        """``[rows, 4 C, H / 2, W / 2]`` → ``[rows, C, H, W]``."""
        blocks: Tensor = y.unflatten(1, (2, 2, -1))
        return blocks.permute(0, 3, 4, 1, 5, 2).flatten(4, 5).flatten(2, 3)


class PerChannel(nn.Module):
    """A map of vectors, applied to the channels of every pixel.

    `flowexport.flows.ActNorm` and `flowexport.flows.BatchNorm` then have a scale and a shift a channel, and
    `flowexport.flows.LULinear` is the invertible 1 × 1 convolution.

    Arguments:
        of_channels: with ``forward_and_log_det`` and ``inverse_and_log_det`` on ``[*, channels]``, and a
            log-determinant that is the same for all pixels, ``[channels]``, or None.
    """

    of_channels: Layer

    def __init__(self, of_channels: Layer) -> None:
        super().__init__()
        self.of_channels = of_channels

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.at_every_pixel(self.of_channels.forward_and_log_det, x)

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.at_every_pixel(self.of_channels.inverse_and_log_det, y)

    def at_every_pixel(
        self, direction: Callable[[Tensor], tuple[Tensor, Tensor | None]], image: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """``[rows, C, H, W]`` → the same, and the log-determinant of each pixel, ``[C, H, W]``."""
        moved, log_det = direction(image.movedim(1, -1))
        if log_det is not None:
            log_det = log_det[:, None, None].expand(image.shape[1:])
        return moved.movedim(-1, 1), log_det


def checkerboards(height: int, width: int, count: int) -> list[Tensor]:
    """Masks ``[height, width]`` of couplings in turn; the first keeps the upper left pixel."""
    colour = (torch.arange(height)[:, None] + torch.arange(width)) % 2
    return [colour == number % 2 for number in range(count)]


def channel_masks(channels: int, count: int) -> list[Tensor]:
    """Masks ``[channels, 1, 1]`` of couplings in turn; the first keeps the first half."""
    half = (torch.arange(channels) >= channels // 2).int()
    return [(half == number % 2)[:, None, None] for number in range(count)]
