"""Conditioners of images: convolutional residual networks, behind a mask where a coupling works on whole images."""

from __future__ import annotations

__all__ = ["ConvolutionalConditioner", "ConvolutionalNetwork", "MaskedImageConditioner", "ResidualBlock"]

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class ConvolutionalNetwork:
    """What the conditioners of an image flow are made of.

    Arguments:
        hidden_channels: of every hidden image.
        residual_blocks: behind the first convolution; may be none.
        activation: constructor of the activation.
        batch_norm: whether a batch normalisation follows each 3 × 3 convolution. It is no layer of the flow, and
            export folds it into the convolution.
        dropout: the fraction of hidden channels that is dropped in training, inside the residual blocks.
    """

    hidden_channels: int
    residual_blocks: int
    activation: Callable[[], nn.Module]
    batch_norm: bool = False
    dropout: float = 0.0

    def convolution(self, in_channels: int) -> nn.Sequential:
        """A 3 × 3 convolution that keeps height and width, zeros around the image, and its normalisation."""
        layers: list[nn.Module] = [nn.Conv2d(in_channels, self.hidden_channels, kernel_size=3, padding=1)]
        if self.batch_norm:
            layers.append(nn.BatchNorm2d(self.hidden_channels))
        return nn.Sequential(*layers)


class ResidualBlock(nn.Module):
    r"""Two convolutions beside an identity.

    .. math:: y = \phi(h + W_2 * \phi(W_1 * h))

    Each normalisation follows its convolution and not the sum, so that export can fold all of them.

    References:
        Deep Residual Learning for Image Recognition (He et al., 2016), figure 2, https://arxiv.org/abs/1512.03385

    Arguments:
        network: what it is made of.
    """

    def __init__(self, network: ConvolutionalNetwork) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            network.convolution(network.hidden_channels),
            network.activation(),
            *([nn.Dropout2d(network.dropout)] if network.dropout else []),
            network.convolution(network.hidden_channels),
        )
        self.activation = network.activation()

    def forward(self, h: Tensor) -> Tensor:
        image: Tensor = self.activation(h + self.branch(h))
        return image


class ConvolutionalConditioner(nn.Module):
    """A convolutional residual network with one 1 × 1 convolution at its end for each parameter of the bijection.

    The context, the same for all pixels of an image, is added to the first hidden image by a Linear.

    Arguments:
        in_channels: of the image that it sees.
        channels: of the image that is moved.
        context: the width of the encoded context, 0 for none.
        sizes: parameter name → numbers a pixel and channel.
        network: the hidden layers.
    """

    def __init__(
        self, in_channels: int, channels: int, context: int, sizes: Mapping[str, int], network: ConvolutionalNetwork
    ) -> None:
        super().__init__()
        hidden = network.hidden_channels
        self.entry = network.convolution(in_channels)
        self.context = nn.Linear(context, hidden, bias=False) if context else None
        self.activation = network.activation()
        self.blocks = nn.Sequential(*(ResidualBlock(network) for _ in range(network.residual_blocks)))
        self.heads = nn.ModuleDict(
            {name: nn.Conv2d(hidden, channels * size, kernel_size=1) for name, size in sizes.items()}
        )
        self.sizes = dict(sizes)

    def forward(self, kept: Tensor, context: Tensor | None) -> tuple[Tensor, ...]:
        """``[rows, in_channels, H, W]``, ``[rows, context]`` → ``[rows, channels, H, W]``, or ``[…, size]``, each."""
        hidden = self.entry(kept)
        if self.context is not None:
            hidden = hidden + self.context(context)[:, :, None, None]
        hidden = self.blocks(self.activation(hidden))
        return tuple(shaped(self.heads[name](hidden), size) for name, size in self.sizes.items())


class MaskedImageConditioner(nn.Module):
    """A conditioner on the whole image, which sees the kept pixels or channels and speaks to the others.

    What it says to a kept one is zero, and zero parameters are the identity. Export folds a mask of channels into the
    weights; one of pixels stays a product.

    Arguments:
        network: with parameters for the whole image.
        mask: True where kept, ``[height, width]`` or ``[channels, 1, 1]``.
    """

    kept: Tensor
    moved: Tensor

    def __init__(self, network: ConvolutionalConditioner, mask: Tensor) -> None:
        super().__init__()
        self.network = network
        # Known from the architecture, so no part of the weights.
        kind = torch.get_default_dtype()
        self.register_buffer("kept", mask.to(kind), persistent=False)
        self.register_buffer("moved", (~mask).to(kind), persistent=False)

    def forward(self, kept: Tensor, context: Tensor | None) -> tuple[Tensor, ...]:
        parameters = self.network(kept * self.kept, context)
        return tuple(
            parameter * (self.moved if size == 1 else self.moved[..., None])
            for parameter, size in zip(parameters, self.network.sizes.values(), strict=True)
        )


def shaped(parameter: Tensor, size: int) -> Tensor:
    """One number a pixel and channel stays ``[rows, channels, H, W]``; more become a last axis of their own."""
    return parameter if size == 1 else parameter.unflatten(1, (-1, size)).movedim(2, -1)
