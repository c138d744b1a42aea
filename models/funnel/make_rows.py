"""Draws the training rows of Neal's funnel: python make_rows.py [FOLDER]."""

from __future__ import annotations

__all__ = ["draw", "log_density"]

import math
import sys
from pathlib import Path

import numpy as np

COLUMNS = ("v", *(f"x{i}" for i in range(1, 10)))

DEVIATION = 3.0
"""Of v. Between its quartiles alone the scale of the other features changes eightfold."""

ROWS = 50_000
"""Rows of the training file. The mouth and the neck of the funnel, beyond three deviations of v, have 135 of them."""

SEED = 0
"""Of the training rows. Held-out rows are drawn with another one."""


def draw(rows: int, seed: int) -> np.ndarray:
    """Rows (v, x1 … x9) of the funnel: ``[rows, 10]`` float64."""
    normals = np.random.default_rng(seed).standard_normal((rows, len(COLUMNS)))
    v = DEVIATION * normals[:, :1]
    return np.hstack([v, np.exp(v / 2) * normals[:, 1:]])


def log_density(rows: np.ndarray) -> np.ndarray:
    r"""The exact log-density of rows: ``[rows, 10]`` → ``[rows]``, in nats.

    .. math:: \ln p(v, x) = \ln N(v; 0, 3^2) + \sum_{i=1}^{9} \ln N(x_i; 0, e^v)

    References:
        Slice sampling (Neal, 2003), section 8, https://projecteuclid.org/euclid.aos/1056562461
    """
    v, x = rows[:, 0], rows[:, 1:]
    squares = (v / DEVIATION) ** 2 + np.exp(-v) * np.square(x).sum(axis=1)
    log_scales = math.log(DEVIATION) + x.shape[1] * v / 2
    return -0.5 * squares - log_scales - 0.5 * rows.shape[1] * math.log(2 * math.pi)


def write(folder: Path) -> None:
    """Writes ``rows.csv`` into a folder, every number so that it reads back as itself."""
    folder.mkdir(parents=True, exist_ok=True)
    path, rows = folder / "rows.csv", draw(ROWS, SEED)
    np.savetxt(path, rows, fmt="%.17g", delimiter=",", header=",".join(COLUMNS), comments="")
    print(f"{path}: {ROWS:,} rows")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
