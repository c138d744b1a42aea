"""Held-out NLL of the diamonds beside Gaussians of the same columns: python evaluate.py BUNDLE."""

from __future__ import annotations

__all__ = ["gaussian_nll", "mapped"]

import csv
import math
import sys
from pathlib import Path

import numpy as np
from make_rows import CATEGORIES, ROUNDING

import flowexport


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """A table's numbers ``[rows, 4]``, and the names of its categories ``[rows, 3]``."""
    if not path.exists():
        sys.exit(f"{path}: no such file; run make_rows.py first")
    with path.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    numbers = np.array([[float(row[name]) for name in ROUNDING] for row in table])
    return numbers, np.array([[row[name] for name in CATEGORIES] for row in table])


def mapped(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns as the recipe maps them, log and logit of a percentage, and the log-determinant of that, ``[rows]``."""
    carat, depth, table, price = x.T
    u = np.stack([np.log(carat), np.log(depth / (100 - depth)), np.log(table / (100 - table)), np.log(price)], axis=1)
    slopes = [1 / carat, 100 / (depth * (100 - depth)), 100 / (table * (100 - table)), 1 / price]
    return u, np.log(slopes).sum(axis=0)


def gaussian_nll(u: np.ndarray, design: np.ndarray, new_u: np.ndarray, new_design: np.ndarray) -> np.ndarray:
    """−log N(u; mean, covariance) of new rows, in nats, ``[rows]``.

    Arguments:
        u, new_u: ``[rows, 4]``, to fit to and to evaluate.
        design, new_design: ``[rows, columns]``; the mean is linear in them, fitted by least squares.
    """
    coefficients = np.linalg.lstsq(design, u, rcond=None)[0]
    residuals = u - design @ coefficients
    covariance = residuals.T @ residuals / len(u)
    new = new_u - new_design @ coefficients
    squares = (new * np.linalg.solve(covariance, new.T).T).sum(axis=1)
    return 0.5 * (squares + np.linalg.slogdet(2 * math.pi * covariance)[1])


def one_hot(names: np.ndarray, categories: list[list[str]]) -> np.ndarray:
    """A one and, for each column of names, a column a category but the first: ``[rows, columns]``."""
    columns = [np.ones(len(names))]
    for column, known in enumerate(categories):
        columns += [(names[:, column] == name).astype(float) for name in known[1:]]
    return np.stack(columns, axis=1)


def main() -> None:
    """Prints means and standard errors over the held-out rows."""
    if len(sys.argv) != 2:
        sys.exit("usage: python evaluate.py BUNDLE")
    folder = Path(__file__).resolve().parent
    (x, names), (held, held_names) = (read(folder / f"{name}.csv") for name in ("rows", "held_out"))
    (u, _), (held_u, log_det) = mapped(x), mapped(held)
    model = flowexport.load(sys.argv[1], device="cpu")
    given = model.context(dict(zip(CATEGORIES, held_names.T, strict=True)))
    categories = [sorted(set(names[:, column])) for column in range(len(CATEGORIES))]
    alone = [np.ones((len(rows), 1)) for rows in (x, held)]
    nlls = {
        "the flow": -model.log_prob(held, given).astype(np.float64),
        "a Gaussian, its mean linear in the categories": gaussian_nll(
            u, one_hot(names, categories), held_u, one_hot(held_names, categories)
        )
        - log_det,
        "a Gaussian of all rows": gaussian_nll(u, alone[0], held_u, alone[1]) - log_det,
    }
    print(f"negative log-likelihood of {len(held):,} held-out rows, nats a row")
    for name, nll in nlls.items():
        print(f"{nll.mean():8.4f} ± {nll.std(ddof=1) / math.sqrt(len(nll)):.4f}  {name}")


if __name__ == "__main__":
    main()
