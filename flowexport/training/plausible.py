"""How many numbers an architecture has at least, known before it is built: a small file must not take all memory."""

from __future__ import annotations

__all__ = ["least_numbers"]

from collections.abc import Mapping
from itertools import pairwise

from flowexport.errors import ArgumentError
from flowexport.flows.univariate import make_univariate

PIXELS = 1024
"""Pixels of a coupling's mask for which its network has at least one number: masks are no part of the weights."""

SCALES = 64
"""More scales than any image can be halved; what is beyond is refused when the flow is built."""


def least_numbers(architecture: Mapping[str, object]) -> int:
    """A lower bound of the numbers in the weights of an architecture, from its untrusted arguments alone.

    What is not of its type counts nothing here: it is refused when the flow is built.

    Raises:
        ArgumentError: where there are no arguments, or the univariate map is none.
    """
    arguments = architecture.get("arguments")
    if not isinstance(arguments, dict):
        raise ArgumentError("not there", key="arguments")
    if architecture.get("flow") == "CouplingFlow":
        return sequence_numbers(arguments)
    count = image_numbers if architecture.get("flow") == "MultiScaleRealNVP" else vector_numbers
    univariate = make_univariate(arguments.get("univariate", "Affine"))()
    numbers, encoded = embedded(arguments)
    return numbers + count(arguments, sum(univariate.sizes.values()), encoded)


def vector_numbers(arguments: Mapping[str, object], size: int, context: int) -> int:
    """Of a `flowexport.RealNVP` whose univariate map takes ``size`` numbers a feature."""
    features, transforms = whole(arguments.get("features")), whole(arguments.get("transforms", 1))
    hidden = [whole(width) for width in listed(arguments.get("hidden_features"))]
    numbers = 2 * features
    if arguments.get("mixing") == "LULinear":
        numbers += (transforms - 1) * 2 * features**2
    base = arguments.get("base")
    if isinstance(base, dict):
        numbers += whole(base.get("components")) * (2 * features + 1)
    if features == 1 and not context:
        # Constants in place of networks, whatever their widths.
        return numbers + transforms * size
    blocks = 2 * sum(width**2 for width in hidden) if arguments.get("residual") is True else 0
    masks = arguments.get("masks")
    kept = [sum(each is True for each in listed(mask)) for mask in masks] if isinstance(masks, list) else None
    # Half of the features, rounded down, is the least that a mask with a name keeps or moves.
    shares = [(features // 2, max(1, features // 2), transforms)]
    if kept is not None:
        shares = [(count, max(1, features - count), 1) for count in kept]
    for keeps, moves, layers in shares:
        widths = [keeps + context, *hidden, moves * size]
        numbers += layers * (blocks + sum(a * b + b for a, b in pairwise(widths)))
    return numbers


def sequence_numbers(arguments: Mapping[str, object]) -> int:
    """Of a `flowexport.flows.CouplingFlow`: each coupling counts as a RealNVP of one."""
    features, context = whole(arguments.get("features")), whole(arguments.get("context", 0))
    numbers = 2 * (features + context)
    for layer in listed(arguments.get("layers")):
        kind = layer.get("layer") if isinstance(layer, dict) else None
        if isinstance(layer, dict) and kind == "Coupling":
            univariate = make_univariate(layer.get("univariate", "Affine"))()
            one = {**layer, "features": features, "transforms": 1, "masks": [layer.get("mask")]}
            numbers += vector_numbers(one, sum(univariate.sizes.values()), context) - 2 * features
        else:
            numbers += 2 * features**2 if kind == "LULinear" else features
    return numbers


def image_numbers(arguments: Mapping[str, object], size: int, context: int) -> int:
    """Of a `flowexport.MultiScaleRealNVP` whose univariate map takes ``size`` numbers a pixel and channel."""
    channels, height, width = ([whole(each) for each in listed(arguments.get("shape"))] + [0, 0, 0])[:3]
    scales, couplings = whole(arguments.get("scales", 1)), whole(arguments.get("couplings", 1))
    hidden, blocks = whole(arguments.get("hidden_channels", 1)), whole(arguments.get("residual_blocks", 0))
    network = hidden * (9 * channels + 18 * blocks * hidden + channels * size + context)
    last = 9 * hidden * channels * 2 ** (min(scales, SCALES) - 1) if scales else 0
    return max(scales * couplings * max(network, 1), last, channels * height * width * couplings // PIXELS)


def embedded(arguments: Mapping[str, object]) -> tuple[int, int]:
    """The numbers of the embeddings' tables, and the width of the encoded context."""
    columns = whole(arguments.get("context", 0))
    categories = [whole(each) for each in listed(arguments.get("categories"))]
    embeddings = [whole(each) for each in listed(arguments.get("embeddings"))]
    embeddings += [0] * (len(categories) - len(embeddings))
    tables = [count * width for count, width in zip(categories, embeddings, strict=False)]
    widths = [width or count or 1 for count, width in zip(categories, embeddings, strict=False)]
    return sum(tables) + 2 * columns, max(columns, sum(widths))


def whole(value: object) -> int:
    """The value, if it is a whole number that is not negative; else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def listed(value: object) -> list[object]:
    """The value, if it is a list; else an empty one."""
    return value if isinstance(value, list) else []
