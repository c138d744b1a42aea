"""Draws digits of the data beside samples of the bundle: python draw.py [PNG]."""

from __future__ import annotations

__all__ = ["draw"]

import sys
from pathlib import Path

import numpy as np
from make_rows import LEVELS, images

import flowexport

FOLDER = Path(__file__).resolve().parent

GRID = (8, 10)
"""Rows and columns of digits in each half."""


def draw(path: Path) -> None:
    """Draws held-out images on the left, and on the right as many samples, the first that seed 0 gives.

    A sample is a whole number and noise in [0, 1), so it is rounded down; samples beyond the ends are cut to them.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    _, held_out = images()
    samples = flowexport.load(FOLDER / "bundle", device="cpu").sample(GRID[0] * GRID[1], seed=0)
    halves = {"Held-out digits": held_out[: len(samples)], "Samples": np.clip(np.floor(samples), 0, LEVELS - 1)}
    with plt.rc_context({"font.size": 11, "font.family": "DejaVu Sans", "text.color": "#1b2a41"}):
        figure, panels = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
        for axes, (title, digits) in zip(panels, halves.items(), strict=True):
            axes.imshow(grid(digits[:, 0]), cmap="gray_r", vmin=0, vmax=LEVELS - 1, interpolation="nearest")
            axes.set_title(title, fontsize=13, loc="left")
            axes.set_axis_off()
        # Neither date nor software, so that the same model gives the same bytes.
        figure.savefig(path, dpi=80, metadata={"Software": None})
        plt.close(figure)


def grid(digits: np.ndarray) -> np.ndarray:
    """Images ``[rows · columns, H, W]`` side by side, a pixel of space around each."""
    padded = np.pad(digits, ((0, 0), (1, 1), (1, 1)))
    rows, columns = GRID
    height, width = padded.shape[1:]
    return padded.reshape(rows, columns, height, width).transpose(0, 2, 1, 3).reshape(rows * height, columns * width)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER / "samples.png")
