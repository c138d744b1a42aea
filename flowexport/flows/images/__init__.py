"""Flows of images: multi-scale RealNVP and what it is made of, all on ``[rows, channels, height, width]``."""

from .conditioner import ConvolutionalConditioner, MaskedImageConditioner
from .layers import PerChannel, Squeeze
from .realnvp import MultiScaleRealNVP
from .stack import ChannelStack, MultiScaleStack

__all__ = [
    "ChannelStack",
    "ConvolutionalConditioner",
    "MaskedImageConditioner",
    "MultiScaleRealNVP",
    "MultiScaleStack",
    "PerChannel",
    "Squeeze",
]
