"""Bases: the density at the z end, and the noise that it is drawn with."""

from __future__ import annotations

__all__ = ["Base", "Mixture", "Normal"]

from dataclasses import dataclass

from .arrays import Array


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
