"""Bounded features on the whole line, in numpy: where a density is as smooth as the flow that it is of."""

from __future__ import annotations

__all__ = ["Line", "line_of"]

from dataclasses import dataclass

import numpy as np

from flowexport.bundle import Manifest


@dataclass(frozen=True)
class Line:
    r"""The coordinate :math:`u = \ln(x - a) - \ln(b - x)` of each feature, without the terms of bounds not there.

    A feature without bounds is its own coordinate.

    Arguments:
        lower, upper: ``[features]`` float64, infinite where there is none.
    """

    lower: np.ndarray
    upper: np.ndarray

    def from_x(self, x: np.ndarray) -> np.ndarray:
        """``[rows, features]`` → u; a number on its bound stands for the float32 next to it."""
        single = x.astype(np.float32)
        inside = np.clip(
            single,
            np.nextafter(self.lower.astype(np.float32), np.float32(np.inf)),
            np.nextafter(self.upper.astype(np.float32), np.float32(-np.inf)),
        ).astype(np.float64)
        below, above = np.isfinite(self.lower), np.isfinite(self.upper)
        from_below = np.log(np.where(below, inside - self.lower, 1))
        from_above = np.log(np.where(above, self.upper - inside, 1))
        return np.where(below | above, from_below - from_above, x)

    def to_x(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``[rows, features]`` → x, and ∂x/∂u of each."""
        below, above = np.isfinite(self.lower), np.isfinite(self.upper)
        x, slope = u, np.ones_like(u)
        with np.errstate(over="ignore", invalid="ignore"):
            for chosen, edge, sign in ((below & ~above, self.lower, 1.0), (above & ~below, self.upper, -1.0)):
                distance = np.exp(sign * u)
                x, slope = np.where(chosen, edge + sign * distance, x), np.where(chosen, distance, slope)
            share = 1 / (1 + np.exp(-u))
            width = self.upper - self.lower
            x = np.where(below & above, self.lower + width * share, x)
            slope = np.where(below & above, width * share * (1 - share), slope)
        return x, slope


def line_of(manifest: Manifest) -> Line:
    """The coordinates of a model's features by their bounds."""
    lower, upper = np.array([column.bounds for column in manifest.feature_columns], np.float64).T
    return Line(np.where(np.isnan(lower), -np.inf, lower), np.where(np.isnan(upper), np.inf, upper))
