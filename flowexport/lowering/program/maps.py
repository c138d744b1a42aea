"""Univariate maps.

``sizes`` is parameter name → numbers a feature; ``side`` where the shift of a map stands that keeps
τ(s x; s t) = s τ(x; t), or None of one that does not.
"""

from __future__ import annotations

__all__ = ["Chain", "Clamp", "Free", "Inverse", "Map", "Opaque", "Scaled", "Shift", "Sigmoid", "Spline", "UnitSpline"]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from .arrays import Array

if TYPE_CHECKING:
    import onnx

Side = Literal["after", "before"]


@dataclass(frozen=True, eq=False)
class Shift:
    """y = x + t."""

    side: Side | None = field(default="after", init=False)
    sizes: Mapping[str, int] = field(default_factory=lambda: {"shift": 1}, init=False)


@dataclass(frozen=True, eq=False)
class Clamp:
    """A log scale of cap · softsign(a)."""

    cap: float
    name: str = field(default="log_scale", init=False)


@dataclass(frozen=True, eq=False)
class Free:
    """A log scale of a itself."""

    name: str = field(default="log_scale", init=False)


@dataclass(frozen=True, eq=False)
class Sigmoid:
    """A log scale of ln(floor + span · σ(a))."""

    floor: float
    span: float
    name: str = field(default="scale", init=False)


@dataclass(frozen=True, eq=False)
class Scaled:
    """y = x eˡ + t, or with the shift ``before`` y = (x − t) eˡ."""

    log_scale: Clamp | Free | Sigmoid
    side: Side | None = "after"

    @property
    def sizes(self) -> Mapping[str, int]:
        return {"shift": 1, self.log_scale.name: 1}


@dataclass(frozen=True, eq=False)
class Spline:
    """A rational-quadratic spline on [−bound, bound], the identity outside; parameters as the flow was trained with."""

    bins: int
    bound: float
    constraint: Literal["clamp", "floor"]
    slope: float
    side: Side | None = field(default=None, init=False)

    @property
    def sizes(self) -> Mapping[str, int]:
        return {"widths": self.bins, "heights": self.bins, "derivatives": self.bins - 1}


@dataclass(frozen=True, eq=False)
class UnitSpline:
    """The same on [−1/2, 1/2], with 4 · bins numbers a feature.

    They are raw widths, raw heights, and the raw derivatives at the left and at the right end of every bin. Of the
    constraint ``"clamp"`` a softsign of each number comes first, and its cap is ``-ln slope``.
    """

    bins: int
    constraint: Literal["clamp", "floor"]
    slope: float
    side: Side | None = field(default=None, init=False)

    @property
    def sizes(self) -> Mapping[str, int]:
        return {"bins": 4 * self.bins}


@dataclass(frozen=True, eq=False)
class Chain:
    """Maps one behind the other, the first first; each takes its own parameters, in their order."""

    maps: tuple[Map, ...]
    side: Side | None = field(default=None, init=False)

    @property
    def sizes(self) -> Mapping[str, int]:
        return {name: size for each in self.maps for name, size in each.sizes.items()}


@dataclass(frozen=True, eq=False)
class Inverse:
    """A map, the other way round."""

    map: Map

    @property
    def sizes(self) -> Mapping[str, int]:
        return self.map.sizes

    @property
    def side(self) -> Side | None:
        other: dict[Side | None, Side] = {"after": "before", "before": "after"}
        return other.get(self.map.side)


@dataclass(frozen=True, eq=False)
class Opaque:
    """A map that is known by what it does alone: a user's own.

    Arguments:
        forward, inverse: (``[rows, features]``, a parameter each) → the mapped numbers and the unsummed
            log-determinant, or None for none.
        traced: (direction, features, which parameters are a batch, dtype) → the same as an ``onnx.GraphProto``.
    """

    sizes: Mapping[str, int]
    side: Side | None
    forward: Callable[..., tuple[Array, Array | None]]
    inverse: Callable[..., tuple[Array, Array | None]]
    traced: Callable[[str, int, Sequence[bool], np.dtype], onnx.GraphProto]


Map = Shift | Scaled | Spline | UnitSpline | Chain | Inverse | Opaque
