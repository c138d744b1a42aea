"""Draws the training rows of a ring with normal noise, whose size is a context: python make_rows.py [FOLDER]."""

from __future__ import annotations

__all__ = ["draw", "log_density"]

import math
import sys
from pathlib import Path

import numpy as np

COLUMNS = ("x1", "x2", "noise")

NOISE = (0.1, 0.5)
"""Least and largest standard deviation of the noise; its logarithm is uniform between. The ring has the radius 1."""

NODES = 256
"""Of the quadrature around the ring, a node every 0.025: a quarter of the least noise."""

ROWS = 50_000
"""Rows of the training file: enough that the error of a fit comes from the flow and not from the sample."""

SEED = 0
"""Of the training rows. Held-out rows are drawn with another one."""


def draw(rows: int, seed: int) -> np.ndarray:
    """Rows (x1, x2, noise): ``[rows, 3]`` float64."""
    generator = np.random.default_rng(seed)
    noise = np.exp(generator.uniform(*np.log(NOISE), (rows, 1)))
    x = on_ring(generator.uniform(0, 2 * math.pi, rows)) + noise * generator.standard_normal((rows, 2))
    return np.hstack([x, noise])


def on_ring(angle: np.ndarray) -> np.ndarray:
    """The points of the ring at angles: ``[*]`` → ``[*, 2]``."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def log_density(rows: np.ndarray) -> np.ndarray:
    r"""The log-density of x given the noise σ: ``[rows, 3]`` → ``[rows]``, in nats.

    .. math:: p(x | \sigma) = \tfrac1{2\pi} \int_0^{2\pi} N(x; (\cos\theta, \sin\theta), \sigma^2 I) \, d\theta

    On a full circle the mean over equal steps is exact to rounding.
    """
    x, noise = rows[:, :2], rows[:, 2:]
    points = on_ring(np.arange(NODES) * 2 * math.pi / NODES)
    squares = sum(np.square((x[:, axis, None] - points[:, axis]) / noise) for axis in (0, 1))
    terms = np.logaddexp.reduce(-0.5 * squares, axis=1) - math.log(NODES)
    return terms - np.log(2 * math.pi * noise[:, 0] ** 2)


def write(folder: Path) -> None:
    """Writes ``rows.csv`` into a folder, every number so that it reads back as itself."""
    folder.mkdir(parents=True, exist_ok=True)
    path, rows = folder / "rows.csv", draw(ROWS, SEED)
    np.savetxt(path, rows, fmt="%.17g", delimiter=",", header=",".join(COLUMNS), comments="")
    print(f"{path}: {ROWS:,} rows")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
