"""Draws the training rows of two interleaved half circles: python make_rows.py [FOLDER]."""

from __future__ import annotations

__all__ = ["draw", "log_density"]

import math
import sys
from pathlib import Path

import numpy as np

COLUMNS = ("x1", "x2")

NOISE = 0.1
"""Standard deviation of the normal noise around the curves, whose radius is 1."""

NODES = 256
"""Of the quadrature along a curve: a node every 0.012 on average, an eighth of the noise."""

ROWS = 50_000
"""Rows of the training file: enough that the error of a fit comes from the flow and not from the sample."""

SEED = 0
"""Of the training rows. Held-out rows are drawn with another one."""


def curve(angle: np.ndarray, lower: np.ndarray | bool) -> np.ndarray:
    """The points of the upper or the lower half circle at angles from 0 to π: ``[*]`` → ``[*, 2]``."""
    upper_half = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return np.where(np.expand_dims(lower, -1), [1.0, 0.5] - upper_half, upper_half)


def draw(rows: int, seed: int) -> np.ndarray:
    """Rows (x1, x2), as those of scikit-learn's ``make_moons``: ``[rows, 2]`` float64."""
    generator = np.random.default_rng(seed)
    points = curve(generator.uniform(0, math.pi, rows), generator.random(rows) < 0.5)
    return points + NOISE * generator.standard_normal((rows, 2))


def log_density(rows: np.ndarray) -> np.ndarray:
    r"""The log-density of rows: ``[rows, 2]`` → ``[rows]``, in nats, by Gauss-Legendre quadrature over the angle.

    .. math:: p(x) = \tfrac12 \sum_{c} \tfrac1\pi \int_0^\pi N(x; c(\theta), \sigma^2 I) \, d\theta
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    points = np.concatenate([curve((nodes + 1) * math.pi / 2, lower) for lower in (False, True)])
    # Weights add up to 2 over an interval of length 2, and there are two curves.
    log_weights = np.log(np.tile(weights, 2) / 4)
    squares = sum(np.square((rows[:, axis, None] - points[:, axis]) / NOISE) for axis in (0, 1))
    return np.logaddexp.reduce(log_weights - 0.5 * squares, axis=1) - math.log(2 * math.pi * NOISE**2)


def write(folder: Path) -> None:
    """Writes ``rows.csv`` into a folder, every number so that it reads back as itself."""
    folder.mkdir(parents=True, exist_ok=True)
    path, rows = folder / "rows.csv", draw(ROWS, SEED)
    np.savetxt(path, rows, fmt="%.17g", delimiter=",", header=",".join(COLUMNS), comments="")
    print(f"{path}: {ROWS:,} rows")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
