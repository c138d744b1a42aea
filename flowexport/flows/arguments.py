"""Arguments of constructors, held to what they may be; a wrong one is named."""

from __future__ import annotations

__all__ = [
    "base_of",
    "bounds_of",
    "choice",
    "drawn_masks",
    "encoder_of",
    "flag",
    "fraction",
    "hidden_widths",
    "named",
    "normalised",
    "require_network",
    "whole",
]

import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import TypeVar

from torch import Tensor, nn

from flowexport.errors import ArgumentError

from . import masks
from .bounds import Bounds
from .conditioner import Network
from .context import ContextEncoder
from .defaults import MASKS

T = TypeVar("T")


def whole(name: str, value: object, least: int) -> int:
    """The argument, if it is a whole number that is large enough."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ArgumentError(f"expected a whole number of at least {least}, got {value!r}", key=name)
    return int(value)


def flag(name: str, value: object) -> bool:
    """The argument, if it is True or False."""
    if not isinstance(value, bool):
        raise ArgumentError(f"expected True or False, got {value!r}", key=name)
    return value


def normalised(value: object) -> bool | str:
    """The argument ``layer_norm``, if it is one."""
    if not (isinstance(value, bool) or value == "unbiased"):
        raise ArgumentError(f"expected True, False or 'unbiased', got {value!r}", key="layer_norm")
    return value


def fraction(name: str, value: object) -> float:
    """The argument, if it is a number in [0, 1)."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or value < 0 or not value < 1:
        raise ArgumentError(f"expected a number in [0, 1), got {value!r}", key=name)
    return float(value)


def choice(name: str, value: object, known: Mapping[str, T]) -> T | None:
    """The class that an optional argument names."""
    if value is None:
        return None
    if not isinstance(value, str) or value not in known:
        raise ArgumentError(f"{value!r} is not one of {', '.join(sorted(known))} or None", key=name)
    return known[value]


def named(
    argument: str, value: Callable[[], nn.Module] | str, known: dict[str, type[nn.Module]]
) -> tuple[Callable[[], nn.Module], str]:
    """The constructor and the name of an argument that may be given as either."""
    if isinstance(value, str):
        if value not in known:
            raise ArgumentError(f"{argument}: {value!r} is not one of {', '.join(sorted(known))}")
        return known[value], value
    if not callable(value):
        raise ArgumentError(f"{argument}: expected a class or one of {', '.join(sorted(known))}, got {value!r}")
    return value, getattr(value, "__name__", repr(value))


def hidden_widths(value: object) -> list[int]:
    """``hidden_features`` as a list of widths."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ArgumentError(f"expected a sequence of widths, got {value!r}", key="hidden_features")
    return [whole("hidden_features", width, 1) for width in value]


def require_network(network: Network) -> None:
    """Refuses what a network without hidden layers, or with unequal ones, cannot have."""
    widths = list(network.hidden_features)
    if network.residual and (not widths or len(set(widths)) > 1):
        raise ArgumentError(f"needs hidden_features of one width, got {widths}", key="residual")
    for name in ("layer_norm", "dropout"):
        if getattr(network, name) and not widths:
            raise ArgumentError("there is no hidden layer that it could act on", key=name)
    if network.layer_norm == "unbiased" and 1 in widths:
        raise ArgumentError(f"one number has no unbiased variance, and hidden_features are {widths}", key="layer_norm")


def drawn_masks(features: int, transforms: int, randmask: bool, given: object, cover: bool) -> Tensor | None:
    """The masks that the arguments ask for, ``[transforms, features]``, or None for a single feature."""
    if randmask and given not in (MASKS, "alternating", "random"):
        raise ArgumentError(f"is masks='random', which does not go with masks={given!r}", key="randmask")
    kind = "random" if randmask else given
    if not cover and kind != "random":
        raise ArgumentError("False is a choice between random masks; these are not", key="cover")
    if not isinstance(kind, str):
        if not isinstance(kind, Sequence):
            raise ArgumentError(f"expected a name or a sequence of masks, got {kind!r}", key="masks")
        return masks.custom(kind, features, transforms)
    if kind not in ("dependent", "alternating", "halves", "random"):
        raise ArgumentError(
            f"{kind!r} is not one of dependent, alternating, halves, random, or a mask for each transform", key="masks"
        )
    if features == 1:
        return None
    if kind != "random":
        return masks.halves(features, transforms) if kind == "halves" else masks.alternating(features, transforms)
    if cover and transforms == 1:
        raise ArgumentError(
            "one layer cannot move every feature: take transforms=2 or more, or cover=False", key="cover"
        )
    return masks.randomised(features, transforms, cover)


def base_of(given: object) -> tuple[str, int]:
    """The name of a base and the number of its components, 0 where it is no mixture."""
    known = ("StandardNormal", "DiagonalNormal", "ConditionalNormal", "GaussianMixture")
    wanted = {"name": given} if isinstance(given, str) else dict(given) if isinstance(given, Mapping) else {}
    name = wanted.pop("name", None)
    if name not in known:
        raise ArgumentError(f"{given!r} is not one of {', '.join(known)}", key="base")
    components = wanted.pop("components", None)
    if wanted or (name == "GaussianMixture") != (components is not None):
        raise ArgumentError(
            f"{given!r}: components belong to a GaussianMixture, which needs them and no more", key="base"
        )
    return name, whole("base: components", components, 2) if components is not None else 0


def bounds_of(given: Iterable[Iterable[float | None]] | None, features: int) -> Bounds | None:
    """The map of bounded features, or None where no feature has a bound."""
    if given is None:
        return None
    try:
        pairs = [tuple(None if bound is None else float(bound) for bound in pair) for pair in given]
    except (TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(f"expected pairs (lower, upper), got {given!r}", key="bounds") from error
    if len(pairs) != features or any(len(pair) != 2 for pair in pairs):
        raise ArgumentError(f"expected {features} pairs (lower, upper), got {given!r}", key="bounds")
    bounded = [(pair[0], pair[1]) for pair in pairs]
    return Bounds(bounded) if any(pair != (None, None) for pair in bounded) else None


def encoder_of(
    context: int, categories: Sequence[int] | None, embeddings: Sequence[int] | None
) -> ContextEncoder | None:
    """The encoder of categorical context columns, or None where all are numbers."""
    for name, given in (("categories", categories), ("embeddings", embeddings)):
        if given is not None and (not isinstance(given, Sequence) or len(given) != context):
            raise ArgumentError(
                f"expected a whole number for each of {context} context columns, got {given!r}", key=name
            )
    counts = [whole("categories", each, 0) for each in categories or ()]
    widths = [whole("embeddings", each, 0) for each in embeddings or ()]
    for column, (number, width) in enumerate(zip_longest(counts, widths, fillvalue=0)):
        if number == 1:
            raise ArgumentError(
                f"column {column} has a single category, which says nothing; leave it out", key="categories"
            )
        if width and not number:
            raise ArgumentError(f"column {column} is a number: only categories are embedded", key="embeddings")
    return ContextEncoder(counts, widths or [0] * len(counts)) if any(counts) else None
