"""The whole: units and bounds, context, layers, base."""

from __future__ import annotations

__all__ = ["Bounds", "Column", "Program"]

from dataclasses import dataclass

from .arrays import Array
from .bases import Base
from .layers import Layer


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
