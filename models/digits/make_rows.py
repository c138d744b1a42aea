"""Takes the digits that scikit-learn has in its package: python make_rows.py [FOLDER]."""

from __future__ import annotations

__all__ = ["LEVELS", "images"]

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

LEVELS = 17
"""Of a pixel: the number of dark ones, 0 to 16, among 4 × 4 of the scan."""

HELD_OUT = 360
"""A fifth of the 1,797 images, which neither training nor its early stopping sees."""

SEED = 0
"""Of the split."""


def images() -> tuple[np.ndarray, np.ndarray]:
    """The images to train on and those held out: ``[rows, 1, 8, 8]`` uint8 each."""
    every = load_digits().images.astype(np.uint8)[:, None]
    order = np.random.default_rng(SEED).permutation(len(every))
    return every[order[HELD_OUT:]], every[order[:HELD_OUT]]


def write(folder: Path) -> None:
    """Writes ``images.npy`` and ``held_out.npy`` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in zip(("images", "held_out"), images(), strict=True):
        np.save(folder / f"{name}.npy", part)
        print(f"{folder / name}.npy: {len(part):,} images")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
