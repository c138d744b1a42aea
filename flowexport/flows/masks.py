"""Coupling masks: which features a layer keeps, and which it moves given the kept ones."""

__all__ = ["alternating", "randomised"]

import torch
from torch import Tensor


def alternating(features: int, transforms: int) -> Tensor:
    """Masks of the reference page: layer ``i`` keeps the features whose index has the parity of ``i``.

    Returns:
        ``[transforms, features]``, True where the feature is kept constant, so layer 0 keeps the even ones.
    """
    parity = torch.arange(features) % 2
    return torch.stack([parity == i % 2 for i in range(transforms)])


def randomised(features: int, transforms: int) -> Tensor:
    """A new random half for every layer, drawn from torch's global generator.

    Returns:
        ``[transforms, features]``, True where the feature is kept constant.
    """
    return torch.stack([torch.randperm(features) % 2 == i % 2 for i in range(transforms)])
