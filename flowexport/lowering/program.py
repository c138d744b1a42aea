r"""A flow as data: frozen values that hold numpy arrays, and nothing that runs.

A `Program` maps rows x to a latent v, layer by layer, and has a base that gives v a density:

.. math:: \ln p(x \mid c) = \ln p_0(v) + \sum_k \ln |\det J_k|, \qquad v = (f_K \circ \dots \circ f_1)(b(x) - \mu)

with bounds b and a mean μ in front. `flowexport.lowering.evaluate` says what each value means. What is constant in
a log-determinant belongs to the layer that it is of, so that no rewriting of layers has a constant to carry along.
"""

from __future__ import annotations

__all__ = [
    "Activation",
    "Array",
    "Base",
    "Bounds",
    "Chain",
    "Clamp",
    "Column",
    "Coupling",
    "Dense",
    "Free",
    "Hidden",
    "Inverse",
    "Layer",
    "LayerNorm",
    "Map",
    "Mix",
    "Mixture",
    "Network",
    "Normal",
    "Opaque",
    "Program",
    "Reorder",
    "Residual",
    "ScaleShift",
    "Scaled",
    "Shift",
    "Sigmoid",
    "Spline",
    "UnitSpline",
    "arrays_mapped",
]

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Side = Literal["after", "before"]

# Networks


@dataclass(frozen=True, eq=False)
class Dense:
    """x Wᵀ + b, with ``weight [out, in]`` and ``bias [out]``."""

    weight: Array
    bias: Array


@dataclass(frozen=True, eq=False)
class Activation:
    """A function of each number, by its name in `flowexport.lowering.activations`."""

    name: str


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """(x − mean) / √(variance + ε) · weight + bias over a row, with the biased variance."""

    weight: Array
    bias: Array
    epsilon: float


@dataclass(frozen=True, eq=False)
class Residual:
    """x plus what a branch makes of x."""

    branch: tuple[Hidden, ...]


Hidden = Dense | Activation | LayerNorm | Residual


@dataclass(frozen=True, eq=False)
class Network:
    """Hidden layers, and a last Dense for each parameter of a map.

    The first matrix (the trunk's, or those of the heads where there is no trunk) has a column for each feature that is
    read, and behind them those of the encoded context; none at all where the parameters depend on nothing.

    Arguments:
        trunk: the hidden layers.
        heads: parameter name → its Dense, ``[moved features · size, width]``.
    """

    trunk: tuple[Hidden, ...]
    heads: Mapping[str, Dense]


# Univariate maps. ``sizes`` is parameter name → numbers a feature; ``side`` where the shift of a map stands that keeps
# τ(s x; s t) = s τ(x; t), or None of one that does not.


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
    traced: Callable[[str, int, Sequence[bool], np.dtype[Any]], Any]


Map = Shift | Scaled | Spline | UnitSpline | Chain | Inverse | Opaque

# Layers


@dataclass(frozen=True, eq=False)
class Coupling:
    """Moves some features by a map, whose parameters a network makes of others and of the context.

    Arguments:
        reads, moves: sets of features, as sorted indices; what is neither read nor moved is left alone.
    """

    reads: Array
    moves: Array
    network: Network
    map: Map


@dataclass(frozen=True, eq=False)
class ScaleShift:
    """v · scale + shift, ``[features]`` each, the scale positive."""

    scale: Array
    shift: Array


@dataclass(frozen=True, eq=False)
class Mix:
    """v Wᵀ + b, with the inverse matrix and ln |det W|."""

    weight: Array
    inverse: Array
    bias: Array
    log_det: float


@dataclass(frozen=True, eq=False)
class Reorder:
    """Feature i of the result is feature ``order[i]`` of v."""

    order: Array


Layer = Coupling | ScaleShift | Mix | Reorder

# Bases


@dataclass(frozen=True, eq=False)
class Normal:
    """Independent standard normals."""

    features: int

    @property
    def noise_size(self) -> int:
        return self.features


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of diagonal normals; the last number of the noise chooses one.

    Arguments:
        log_weights: ``[components]``.
        means, scales: ``[components, features]``.
        thresholds: ``[components − 1]``; the component is how many of them lie below the last number of the noise.
    """

    log_weights: Array
    means: Array
    scales: Array
    thresholds: Array

    @property
    def noise_size(self) -> int:
        return int(self.means.shape[1]) + 1


Base = Normal | Mixture

# Units


@dataclass(frozen=True, eq=False)
class Bounds:
    """The support of each feature, ``lower [features]`` and ``upper [features]``, infinite where there is no bound."""

    lower: Array
    upper: Array


@dataclass(frozen=True, eq=False)
class Column:
    """A column of context: (c − mean) / scale, and where it holds codes, the row of a table.

    Arguments:
        table: ``[categories, width]`` or None of numbers.
    """

    mean: float
    scale: float
    table: Array | None = None

    @property
    def width(self) -> int:
        return 1 if self.table is None else int(self.table.shape[1])


@dataclass(frozen=True, eq=False)
class Program:
    """A flow on vectors.

    Arguments:
        mean: ``[features]``, taken off at the entrance, behind the bounds.
        columns: of the context.
        layers: in the order x → z.
        base: the density of what they make.
        noise_order: which number of the noise stands for each feature at the z end, ``[features]``.
        bounds: in front of everything, where there are any.
    """

    mean: Array
    columns: tuple[Column, ...]
    layers: tuple[Layer, ...]
    base: Base
    noise_order: Array
    bounds: Bounds | None = None

    @property
    def features(self) -> int:
        return len(self.mean)

    @property
    def context_width(self) -> int:
        """Numbers of the encoded context."""
        return sum(column.width for column in self.columns)


Value = TypeVar("Value")


def arrays_mapped(value: Value, change: Callable[[Array], Array]) -> Value:
    """The same value with every array of floats, and every float, changed."""
    changed: Any = value
    if isinstance(value, np.ndarray):
        changed = change(value) if value.dtype.kind == "f" else value
    elif isinstance(value, float):
        changed = float(change(np.array(value)))
    elif isinstance(value, tuple):
        changed = tuple(arrays_mapped(each, change) for each in value)
    elif isinstance(value, Mapping):
        changed = {key: arrays_mapped(each, change) for key, each in value.items()}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [each.name for each in dataclasses.fields(value) if each.init]
        changed = dataclasses.replace(value, **{name: arrays_mapped(getattr(value, name), change) for name in fields})
    result: Value = changed
    return result
