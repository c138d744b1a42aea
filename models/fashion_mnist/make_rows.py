"""Takes Fashion-MNIST from the Debian package dataset-fashion-mnist: python make_rows.py [FOLDER] [--rows N]."""

from __future__ import annotations

__all__ = ["read_images"]

import argparse
import gzip
import sys
from pathlib import Path

import numpy as np

SOURCE = Path("/usr/share/datasets/fashion-mnist")
"""Where the package puts its files."""

HEADER = 16
"""Bytes of an IDX file of images before its pixels: a magic number, images, rows and columns, 32 bits each."""

MAGIC = 0x803
"""Of bytes on three axes."""

FILES = {"images": "train-images-idx3-ubyte.gz", "held_out": "t10k-images-idx3-ubyte.gz"}


def read_images(path: Path) -> np.ndarray:
    """The images of a compressed IDX file: ``[rows, 28, 28]`` uint8.

    Raises:
        ValueError: where the file is of another kind.
    """
    data = gzip.decompress(path.read_bytes())
    magic, rows, height, width = np.frombuffer(data[:HEADER], ">u4").tolist()
    if magic != MAGIC or len(data) != HEADER + rows * height * width:
        raise ValueError(f"{path}: not an IDX file of images")
    return np.frombuffer(data[HEADER:], np.uint8).reshape(rows, height, width)


def main() -> None:
    """Writes ``images.npy`` and ``held_out.npy`` into a folder."""
    parser = argparse.ArgumentParser(description="Fashion-MNIST as NPY files.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--rows", type=int, help="the first so many images of each, to try the recipe on")
    given = parser.parse_args()
    if not SOURCE.is_dir():
        sys.exit(f"{SOURCE}: not there; apt-get install dataset-fashion-mnist")
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, file in FILES.items():
        images = read_images(SOURCE / file)[: given.rows]
        np.save(given.folder / f"{name}.npy", images)
        print(f"{given.folder / name}.npy: {len(images):,} images")


if __name__ == "__main__":
    main()
