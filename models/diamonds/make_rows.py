"""Writes the diamonds of plotnine's data, in a training and a held-out table: python make_rows.py [FOLDER]."""

from __future__ import annotations

__all__ = ["CATEGORIES", "ROUNDING", "read", "write"]

import csv
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

ROUNDING = {"carat": 0.01, "depth": 0.1, "table": 1.0, "price": 1.0}
"""Columns of numbers, and what each is rounded to in the table: carats, per cent of the width twice, US dollars."""

CATEGORIES = ("cut", "color", "clarity")

HELD_OUT = 0.1
"""The fraction of rows that neither training nor early stopping sees: 5,394 of 53,940."""

SEED = 0
"""Of the jitter and of the split."""


def read() -> tuple[np.ndarray, list[list[str]]]:
    """The rows of ``diamonds.csv`` in the installed package, which is found and not imported.

    Returns:
        The numbers ``[rows, 4]`` as they are in the table, and the categories of each row.
    """
    package = find_spec("plotnine")
    if package is None or package.origin is None:
        sys.exit("the rows come with plotnine, which is not installed: pip install 'flowexport[models]'")
    with (Path(package.origin).parent / "data" / "diamonds.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    numbers = np.array([[float(row[name]) for name in ROUNDING] for row in table])
    return numbers, [[row[name] for name in CATEGORIES] for row in table]


def jittered(numbers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Numbers spread evenly over what they may have been before they were rounded, ``[rows, 4]``.

    The density of rounded numbers is a row of spikes, and the more a flow learned of them the less it would say.
    """
    step = np.array([*ROUNDING.values()])
    return np.round(numbers / step) * step + step * rng.uniform(-0.5, 0.5, numbers.shape)


def write(folder: Path) -> None:
    """Writes ``rows.csv`` and ``held_out.csv`` into a folder, every number so that it reads back as itself."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers, categories = read()
    rng = np.random.default_rng(SEED)
    rows = jittered(numbers, rng).tolist()
    order = rng.permutation(len(rows)).tolist()
    held_out = round(HELD_OUT * len(rows))
    for name, chosen in (("held_out", order[:held_out]), ("rows", order[held_out:])):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*ROUNDING, *CATEGORIES])
            writer.writerows([*map(repr, rows[row]), *categories[row]] for row in sorted(chosen))
        print(f"{folder / f'{name}.csv'}: {len(chosen):,} rows")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
