"""Coupling masks: which features a layer keeps, and which it moves given the kept ones."""

__all__ = ["alternating", "custom", "halves", "randomised"]

from collections.abc import Sequence

import torch
from torch import Tensor

from flowexport.errors import ArgumentError


def alternating(features: int, transforms: int) -> Tensor:
    """Masks of zuko's RealNVP: layer ``i`` keeps the features whose index has the parity of ``i``.

    Returns:
        ``[transforms, features]``, True where the feature is kept constant, so layer 0 keeps the even ones.
    """
    parity = torch.arange(features) % 2
    return torch.stack([parity == i % 2 for i in range(transforms)])


def halves(features: int, transforms: int) -> Tensor:
    """The first half and the second half in turn; the first is the larger where the number is odd.

    Returns:
        ``[transforms, features]``, True where the feature is kept constant, so layer 0 keeps the first half.
    """
    second = torch.arange(features) >= (features + 1) // 2
    return torch.stack([second == bool(i % 2) for i in range(transforms)])


def randomised(features: int, transforms: int, cover: bool = False) -> Tensor:
    """A new random half for every layer, drawn from torch's global generator.

    Arguments:
        features, transforms: numbers of features and of layers.
        cover: whether every feature is moved at least once; the plain draw often leaves some untouched (with 8
            features and 3 layers, three times in four). Features that no layer moves then change places with
            features that two layers move.

    Returns:
        ``[transforms, features]``, True where the feature is kept constant.
    """
    masks = torch.stack([torch.randperm(features) % 2 == i % 2 for i in range(transforms)])
    if cover:
        for untouched in masks.all(dim=0).nonzero().flatten().tolist():
            twice = (~masks).sum(dim=0) >= 2
            layers, candidates = (~masks & twice).nonzero(as_tuple=True)
            choice = int(torch.randint(len(layers), ()))
            masks[layers[choice], untouched] = False
            masks[layers[choice], candidates[choice]] = True
    return masks


def custom(masks: Sequence[object], features: int, transforms: int) -> Tensor:
    """Masks as they are given: a sequence of booleans a layer, True where the feature is kept.

    Returns:
        ``[transforms, features]``.

    Raises:
        ArgumentError: naming the layer whose mask has another length, is not of booleans, or keeps nothing or all.
    """
    if len(masks) != transforms:
        raise ArgumentError(f"{len(masks)} masks for {transforms} transforms; give one for each", key="masks")
    rows = []
    for layer, mask in enumerate(masks):
        try:
            row = torch.as_tensor(mask)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ArgumentError(f"layer {layer}: not a sequence of booleans ({error})", key="masks") from error
        if row.shape != (features,) or not bool(((row == 0) | (row == 1)).all()):
            raise ArgumentError(f"layer {layer}: expected {features} booleans, got {mask!r}", key="masks")
        if bool(row.bool().all()) or not bool(row.any()):
            raise ArgumentError(f"layer {layer}: must keep a feature and move a feature", key="masks")
        rows.append(row.bool().cpu())
    return torch.stack(rows)
