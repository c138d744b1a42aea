"""An example of the library: scores the rows of a table, or draws samples.

Tables are plain: a line of names, then lines of numbers, and of labels where a column of the context has categories.
"""

from __future__ import annotations

__all__ = ["main"]

import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from flowbundle import BundleError, InputError, Model

from .run import run

USAGE = "usage: score BUNDLE < rows.csv | sample BUNDLE N SEED; golden, bench and all options need Python 3.11 or later"
BLOCK_ROWS = 1024


def read_rows(lines: Iterable[str]) -> Iterator[list[str]]:
    """The cells of each line."""
    for line in lines:
        if '"' in line:
            raise ValueError(f"standard input: quotes need the driver; see README.md: {line}")
        yield line.rstrip("\r\n").split(",")


def score(model: Model, lines: Iterable[str]) -> None:
    """Rows of a CSV on standard input, log_prob and percentile on standard output."""
    manifest, rows = model.manifest, read_rows(lines)
    header, width = next(rows, []), len(manifest.features)
    names = [*manifest.features, *(column.name for column in manifest.context)]
    labels = [None] * width + [column.categories for column in manifest.context]
    missing = next((name for name in names if name not in header), None)
    if missing is not None:
        raise ValueError(f"standard input: no column {missing}")

    def numbers(cells: list[str]) -> list[float]:
        named = dict(zip(header, cells, strict=True))
        columns = zip(names, labels, strict=True)
        return [float(named[name]) if of is None else model.category(name, named[name]) for name, of in columns]

    print("log_prob" if manifest.quantiles is None else "log_prob,percentile")
    while block := [numbers(cells) for cells in islice(rows, BLOCK_ROWS)]:
        values = np.array(block)
        x = values[:, :width].reshape(-1, *manifest.event_shape)
        log_prob = model.log_prob(x, values[:, width:] if manifest.context else None)
        columns = [log_prob] if manifest.quantiles is None else [log_prob, model.percentile(log_prob)]
        for row in zip(*(column.astype(str) for column in columns), strict=True):
            print(*row, sep=",")


def sample(model: Model, count: int, seed: int) -> None:
    """Samples on standard output."""
    blocks = model.iterate_samples(count, seed)
    print(*model.manifest.features, sep=",")
    for block in blocks:
        for row in block.reshape(len(block), -1).astype(str):
            print(*row, sep=",")


def main(words: list[str]) -> int:
    """Runs a command; its exit status is 0 done, 2 whatever was wrong."""
    try:
        match words:
            case ["run", path, *digest]:  # what ../../drive.sh asks for
                return run(path, *digest[:1])
            case ["score", path]:
                score(Model(path), sys.stdin)
            case ["sample", path, count, seed]:
                sample(Model(path), int(count), int(seed))
            case _:
                raise ValueError(USAGE)
        sys.stdout.flush()
        return 0
    except (BundleError, InputError, ValueError, OSError) as error:
        print("flow:", " ".join(str(error).split()), file=sys.stderr)
        # What cannot be written, Python would try once more while it exits, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
