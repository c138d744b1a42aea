"""Images in training: whole numbers, to which uniform noise is added, and the unit in which they are judged."""

from __future__ import annotations

__all__ = ["EVALUATION_IMAGES", "as_vectors", "bits_per_dimension", "dequantised", "require_pixels"]

import math

import numpy as np
import torch
from torch import Tensor

from flowexport.errors import ArgumentError, DataError
from flowexport.flows import Flow

EVALUATION_IMAGES = 256
"""Images evaluated at a time: the hidden images of a convolution are many times as large as the image."""


def bits_per_dimension(nll: float, features: int) -> float:
    """A negative log-likelihood in nats an image, as bits a pixel and channel, pixels counting 0, 1, 2, …

    References:
        A note on the evaluation of generative models (Theis et al., 2016), section 3.1,
        https://arxiv.org/abs/1511.01844
    """
    return nll / (features * math.log(2))


def dequantised(x: Tensor, seed: int | None = None) -> Tensor:
    """Whole numbers and a draw of U[0, 1) for each: the mean of the density over it is the number's probability.

    Arguments:
        x: of any shape.
        seed: of the draw, which is then the same every time; None takes torch's global generator.
    """
    if seed is None:
        return x + torch.rand_like(x)
    noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(seed), dtype=x.dtype)
    return x + noise.to(x.device)


def as_vectors(flow: Flow, x: np.ndarray) -> np.ndarray:
    """Images ``[rows, C, H, W]``, or ``[rows, H, W]`` of one channel, as ``[rows, features]`` in C order.

    Raises:
        ArgumentError: for images of another shape; vectors are left as they are.
    """
    if flow.levels is None or x.ndim < 3:
        return x
    channels, *plane = flow.event_shape
    if x.shape[1:] != flow.event_shape and not (channels == 1 and list(x.shape[1:]) == plane):
        raise ArgumentError(f"the flow has images of shape {flow.event_shape}, the rows are of {x.shape[1:]}", key="x")
    return x.reshape(len(x), -1)


def require_pixels(where: str, x: np.ndarray, levels: int) -> None:
    """Refuses the first number that is no value of a pixel.

    Arguments:
        where: what a message begins with.
        x: ``[rows, features]``.
        levels: the values of a pixel are 0 to levels − 1.

    Raises:
        DataError: naming row and column, the first of which are 1 and x0.
    """
    bad = (x != np.floor(x)) | (x < 0) | (x >= levels)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        found = f"row {row + 1}, column 'x{column}' holds {x[row, column]:g}"
        raise DataError(f"{found}, and a pixel of {levels} levels is a whole number from 0 to {levels - 1}", file=where)
