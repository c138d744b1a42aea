"""The contracts of the parts of a flow, for whoever writes one of their own; `flowexport.testing` tries them."""

from __future__ import annotations

__all__ = ["Conditioner", "Layer", "UnivariateMap"]

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class UnivariateMap(Protocol):
    """A bijection of single features, given parameters; `flowexport.flows.univariate` says more."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Parameter name → how many numbers a feature needs."""

    # Each map names its own parameters, which come behind x by their places: of them a type says nothing.
    @property
    def forward_and_log_det(self) -> Callable[..., tuple[Tensor, Tensor | None]]:
        """x ``[*, features]``, parameters → y, and ln |dy/dx| of each feature, or None where that is always 0."""

    @property
    def inverse_and_log_det(self) -> Callable[..., tuple[Tensor, Tensor | None]]:
        """y, parameters → x, and ln |dx/dy|."""


@runtime_checkable
class Conditioner(Protocol):
    """What makes the parameters of a map from the part that is kept."""

    def __call__(self, kept: Tensor, context: Tensor | None) -> Sequence[Tensor]:
        """``[*, kept]``, ``[*, context]`` → a tensor for each of the map's `UnivariateMap.sizes`, in their order."""


@runtime_checkable
class Layer(Protocol):
    """A bijection of whole vectors, such as a linear mixing or a scale and shift."""

    def forward_and_log_det(self, x: Tensor, /) -> tuple[Tensor, Tensor | None]:
        """x ``[*, features]`` → z, and the log-determinant unsummed, or None where the volume does not change."""

    def inverse_and_log_det(self, y: Tensor, /) -> tuple[Tensor, Tensor | None]:
        """z → x, and the log-determinant of that direction."""
