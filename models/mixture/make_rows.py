"""Draws the training rows of eight normals on a circle: python make_rows.py [FOLDER]."""

from __future__ import annotations

__all__ = ["draw", "log_density"]

import math
import sys
from pathlib import Path

import numpy as np

COLUMNS = ("x1", "x2")

WEIGHTS = np.arange(1, 9) / 36
"""Of the eight normals: the last is chosen eight times as often as the first."""

ANGLES = np.arange(8) * math.pi / 4
RADIUS = 4.0
MEANS = RADIUS * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)

DEVIATION = 0.5
"""Of each normal. Neighbours are six of it apart, so that between them there is next to nothing."""

ROWS = 50_000
"""Rows of the training file, 1,389 of them of the rarest normal."""

SEED = 0
"""Of the training rows. Held-out rows are drawn with another one."""


def draw(rows: int, seed: int) -> np.ndarray:
    """Rows (x1, x2) of the mixture: ``[rows, 2]`` float64."""
    generator = np.random.default_rng(seed)
    chosen = generator.choice(len(WEIGHTS), rows, p=WEIGHTS)
    return MEANS[chosen] + DEVIATION * generator.standard_normal((rows, 2))


def log_density(rows: np.ndarray) -> np.ndarray:
    r"""The exact log-density of rows: ``[rows, 2]`` → ``[rows]``, in nats.

    .. math:: \ln p(x) = \ln \sum_{k=1}^{8} \tfrac{k}{36} \, N(x; \mu_k, \tfrac14 I)
    """
    squares = np.square((rows[:, None] - MEANS) / DEVIATION).sum(axis=-1)
    terms = np.log(WEIGHTS) - 0.5 * squares
    return np.logaddexp.reduce(terms, axis=1) - math.log(2 * math.pi * DEVIATION**2)


def write(folder: Path) -> None:
    """Writes ``rows.csv`` into a folder, every number so that it reads back as itself."""
    folder.mkdir(parents=True, exist_ok=True)
    path, rows = folder / "rows.csv", draw(ROWS, SEED)
    np.savetxt(path, rows, fmt="%.17g", delimiter=",", header=",".join(COLUMNS), comments="")
    print(f"{path}: {ROWS:,} rows")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
