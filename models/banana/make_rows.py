"""Draws the training rows of the banana, a density with a closed form: python make_rows.py [FOLDER]."""

from __future__ import annotations

__all__ = ["draw", "log_density"]

import math
import sys
from pathlib import Path

import numpy as np

VARIANCE = 4.0
"""Of x2; its standard deviation of 2 lets the banana bend by more than one unit of noise."""

CURVATURE = 0.25
"""x1 is centred on this times the square of x2."""

ROWS = 50_000
"""Rows of the training file: enough that the error of a fit comes from the flow and not from the sample."""

SEED = 0
"""Of the training rows. Held-out rows are drawn with another one."""


def draw(rows: int, seed: int) -> np.ndarray:
    """Rows (x1, x2) of the density: ``[rows, 2]`` float64."""
    x1, x2 = np.random.default_rng(seed).standard_normal((2, rows))
    x2 *= math.sqrt(VARIANCE)
    return np.stack([x1 + CURVATURE * x2**2, x2], axis=1)


def log_density(x: np.ndarray) -> np.ndarray:
    r"""The exact log-density of rows: ``[rows, 2]`` → ``[rows]``, in nats.

    .. math:: \ln p(x) = -\tfrac12 (x_1 - x_2^2 / 4)^2 - \tfrac12 x_2^2 / 4 - \ln 2\pi - \ln 2
    """
    x1, x2 = x.T
    squares = (x1 - CURVATURE * x2**2) ** 2 + x2**2 / VARIANCE
    return -0.5 * squares - math.log(2 * math.pi) - 0.5 * math.log(VARIANCE)


def write_rows(path: Path, rows: np.ndarray) -> None:
    """Writes rows as CSV, every number so that it reads back as itself."""
    lines = ["x1,x2", *(",".join(map(repr, row)) for row in rows.tolist())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write(folder: Path) -> None:
    """Writes ``rows.csv`` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "rows.csv", draw(ROWS, SEED))
    print(f"{folder / 'rows.csv'}: {ROWS:,} rows")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
