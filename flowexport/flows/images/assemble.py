"""The layers of a flow of images, put together."""

from __future__ import annotations

__all__ = ["Layers", "scales_of"]

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from ..assemble import silence
from ..contracts import UnivariateMap
from ..coupling import Coupling
from ..diagonal import ActNorm, BatchNorm
from ..linear import LULinear, Permutation
from ..stack import PerPart, WholeStack
from .conditioner import ConvolutionalConditioner, ConvolutionalNetwork, MaskedImageConditioner
from .layers import PerChannel, channel_masks, checkerboards
from .stack import ChannelStack, MultiScaleStack


@dataclass(frozen=True)
class Layers:
    """What the stacks of a scale are made of, with new weights.

    Arguments:
        make_univariate: makes the univariate bijection.
        network: the hidden layers of the conditioners.
        context: the width of the encoded context.
        normalize: what stands behind each coupling, if anything.
        mix: what stands in front of each coupling on channels, if anything.
    """

    make_univariate: Callable[[], UnivariateMap]
    network: ConvolutionalNetwork
    context: int
    normalize: type[ActNorm | BatchNorm] | None
    mix: type[LULinear | Permutation] | None

    def on_pixels(self, channels: int, height: int, width: int, couplings: int) -> WholeStack:
        """Couplings on checkerboards."""
        layers: list[nn.Module] = []
        for mask in checkerboards(height, width, couplings):
            layers += [self.coupling(channels, channels, mask), *self.normalized(channels)]
        return WholeStack(layers)

    def on_channels(self, channels: int, couplings: int) -> ChannelStack:
        """Couplings on the halves of so many channels."""
        half = channels // 2
        layers: list[nn.Module] = []
        for mask in channel_masks(channels, couplings):
            if self.mix is None:
                layers += [self.coupling(half, half), *self.normalized(half, half)]
            else:
                layers += [PerPart([PerChannel(self.mix(channels))]), self.coupling(channels, channels, mask)]
                layers += self.normalized(channels)
        return ChannelStack(layers, halves=self.mix is None)

    def coupling(self, in_channels: int, channels: int, mask: Tensor | None = None) -> Coupling:
        """One that starts as the identity."""
        univariate = self.make_univariate()
        inner = ConvolutionalConditioner(in_channels, channels, self.context, univariate.sizes, self.network)
        silence(inner)
        return Coupling(inner if mask is None else MaskedImageConditioner(inner, mask), univariate)

    def normalized(self, *channels: int) -> list[nn.Module]:
        """What stands behind a coupling whose parts have so many channels."""
        return [] if self.normalize is None else [PerPart(PerChannel(self.normalize(count)) for count in channels)]


def scales_of(shape: tuple[int, int, int], scales: int, couplings: int, layers: Layers) -> MultiScaleStack:
    """The stack of a multi-scale flow: each scale but the last halves height and width, and doubles the channels.

    Arguments:
        shape: of an image, (channels, height, width).
        scales: how many.
        couplings: on checkerboards, and again on channels, at each scale; the last has one more, and none on channels.
        layers: what they are made of.
    """
    channels, height, width = shape
    pixels, squeezed = [], []
    for _ in range(scales - 1):
        pixels.append(layers.on_pixels(channels, height, width, couplings))
        squeezed.append(layers.on_channels(4 * channels, couplings))
        channels, height, width = 2 * channels, height // 2, width // 2
    pixels.append(layers.on_pixels(channels, height, width, couplings + 1))
    return MultiScaleStack(shape, pixels, squeezed)
