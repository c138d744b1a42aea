"""Stacks of an image flow: couplings on pixels, on channels, and the scales that they make."""

from __future__ import annotations

__all__ = ["ChannelStack", "MultiScaleStack"]

from collections.abc import Iterable, Sequence
from itertools import accumulate, chain

import torch
from torch import Size, Tensor, nn

from ..coupling import Coupling
from ..stack import LogDets, Parts, Stack, WholeStack
from .layers import Squeeze


class ChannelStack(Stack):
    """Couplings on the channels of a squeezed image, at whose end half of the channels leave.

    The half that leaves has been moved last given the half that stays: detail, given what is coarse.

    Arguments:
        layers: in the order x → z.
        halves: whether the two halves of the channels are two parts; otherwise the image is one, for layers that mix
            all channels, and the conditioners do the selecting.
    """

    squeeze: Squeeze

    def __init__(self, layers: Sequence[nn.Module], halves: bool) -> None:
        super().__init__(layers)
        self.squeeze = Squeeze()
        self.halves = halves

    def split(self, x: Tensor) -> Parts:
        """``[rows, C, H, W]`` → the parts of ``[rows, 4 C, H / 2, W / 2]``."""
        squeezed = self.squeeze(x)
        return squeezed.chunk(2, dim=1) if self.halves else (squeezed,)

    def join(self, parts: Parts) -> Tensor:
        return self.squeeze.inverse(torch.cat(parts, dim=1) if self.halves else parts[0])

    def kept_and_moved(self, coupling: int) -> tuple[int, int]:
        return (coupling % 2, (coupling + 1) % 2) if self.halves else (0, 0)

    def factor_out(self, parts: Parts) -> tuple[Tensor, Tensor]:
        """The parts → the half that goes on to the next scale, and the one that is latent from here on."""
        stays, leaves = parts if self.halves else parts[0].chunk(2, dim=1)
        return stays, leaves

    def take_in(self, stays: Tensor, leaves: Tensor) -> Parts:
        """The inverse of `factor_out`."""
        return (stays, leaves) if self.halves else (torch.cat([stays, leaves], dim=1),)


class MultiScaleStack(Stack):
    """Scales, each of couplings on pixels, a squeeze, couplings on channels, and half of the channels factored out.

    The last scale has couplings on pixels alone. The parts at the z end are the latents that the scales leave,
    flattened, in the order in which they leave.

    References:
        Density estimation using Real NVP (Dinh et al., 2016), section 3.6, https://arxiv.org/abs/1605.08803

    Arguments:
        shape: of an image, (channels, height, width).
        pixels: the couplings on pixels of each scale.
        channels: the couplings on channels of each scale but the last.
    """

    def __init__(self, shape: Sequence[int], pixels: Sequence[WholeStack], channels: Sequence[ChannelStack]) -> None:
        super().__init__([])
        self.shape = tuple(shape)
        self.pixels = nn.ModuleList(pixels)
        self.channels = nn.ModuleList(channels)
        count, height, width = self.shape
        self.latent_shapes: list[tuple[int, int, int]] = []
        for _ in channels:
            count, height, width = 2 * count, height // 2, width // 2
            self.latent_shapes.append((count, height, width))
        self.latent_shapes.append((count, height, width))
        self.sizes = [Size(shape).numel() for shape in self.latent_shapes]

    @property
    def scales(self) -> list[tuple[WholeStack, ChannelStack | None]]:
        """The couplings on pixels and those on channels of each scale, in the order x → z."""
        pixels = [each for each in self.pixels if isinstance(each, WholeStack)]
        channels = [each for each in self.channels if isinstance(each, ChannelStack)]
        return list(zip(pixels, [*channels, None], strict=True))

    @property
    def stacks(self) -> list[Stack]:
        """The stacks of all scales, in the order x → z."""
        return [stack for pair in self.scales for stack in pair if stack is not None]

    @property
    def couplings(self) -> list[Coupling]:
        return [coupling for stack in self.stacks for coupling in stack.couplings]

    def split(self, x: Tensor) -> Parts:
        """``[*, C, H, W]``, which is one part."""
        return (x,)

    def join(self, parts: Parts) -> Tensor:
        return parts[0]

    def split_latent(self, u: Tensor) -> Parts:
        """``[*, features]`` → the latent of each scale, ``[*, features of it]``."""
        # Not torch's split: of a constant, the exit scale, the exporter would leave it in the graph.
        starts = accumulate([0, *self.sizes[:-1]])
        return tuple(u.narrow(-1, start, size) for start, size in zip(starts, self.sizes, strict=True))

    def join_latent(self, parts: Parts) -> Tensor:
        return torch.cat(parts, dim=-1)

    def forward_and_log_det(self, parts: Parts, context: Tensor | None) -> tuple[Parts, LogDets]:
        """An image ``[*, C, H, W]`` → the latents, and the log-determinants of each scale, flattened."""
        (x,) = parts
        leading = x.shape[:-3]
        image = x if len(leading) == 1 else rows_of(x, leading, self.shape)
        context = context_rows(context, leading)
        latents: list[Tensor] = []
        log_dets: LogDets = []
        for pixels, channels in self.scales:
            (image,), of_scale = pixels.forward_and_log_det((image,), context)
            if channels is not None:
                halves, of_channels = channels.forward_and_log_det(channels.split(image), context)
                image, latent = channels.factor_out(halves)
                of_scale += of_channels
            else:
                latent = image
            latents.append(latent)
            log_dets.append(flattened(of_scale, leading))
        return tuple(flat(latent, leading) for latent in latents), log_dets

    def inverse_and_log_det(self, parts: Parts, context: Tensor | None) -> tuple[Parts, LogDets]:
        """The latents → an image ``[*, C, H, W]``, and the log-determinants of each scale, flattened."""
        leading = parts[0].shape[:-1]
        context = context_rows(context, leading)
        latents = [rows_of(part, leading, shape) for part, shape in zip(parts, self.latent_shapes, strict=True)]
        image = latents[-1]
        log_dets: LogDets = []
        for (pixels, channels), latent in zip(reversed(self.scales), reversed(latents), strict=True):
            of_scale: LogDets = []
            if channels is not None:
                halves, of_scale = channels.inverse_and_log_det(channels.take_in(image, latent), context)
                image = channels.join(halves)
            (image,), of_pixels = pixels.inverse_and_log_det((image,), context)
            log_dets.append(flattened(of_scale + of_pixels, leading))
        return (image if len(leading) == 1 else image.reshape(*leading, *self.shape),), log_dets


def rows_of(images: Tensor, leading: Size, shape: Sequence[int]) -> Tensor:
    """Images with any leading axes, flat or not, as ``[rows, C, H, W]``."""
    # −1 for an axis that is there, since a graph must not compute its length; with others it may be of no rows.
    return images.reshape(-1 if len(leading) == 1 else leading.numel(), *shape)


def context_rows(context: Tensor | None, leading: Size) -> Tensor | None:
    """The context of `rows_of`, ``[rows, context]``."""
    return context if context is None or len(leading) == 1 else context.reshape(leading.numel(), context.shape[-1])


def flat(image: Tensor, leading: Size) -> Tensor:
    """``[rows, C, H, W]`` → ``[*, C H W]`` with the axes that `rows_of` took away."""
    size = image.shape[-3:].numel()
    return image.reshape(-1, size) if len(leading) == 1 else image.reshape(*leading, size)


def flattened(log_dets: Iterable[list[Tensor]], leading: Size) -> list[Tensor]:
    """The log-determinants of all parts as ``[*, n]``, or ``[n]`` where they are the same for every row."""
    terms = chain.from_iterable(log_dets)
    return [flat(term, leading) if term.ndim == 4 else term.reshape(-1) for term in terms]
