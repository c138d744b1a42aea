"""Writes scikit-learn's breast cancer rows, benign and malignant apart: python make_rows.py [FOLDER]."""

from __future__ import annotations

__all__ = ["write", "write_rows"]

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

try:
    from sklearn.datasets import load_breast_cancer
except ImportError:
    sys.exit("the rows come with scikit-learn, which is not installed: pip install scikit-learn")


def write_rows(path: Path, names: Sequence[str], rows: np.ndarray) -> None:
    """Writes rows ``[rows, features]`` as CSV, every number so that it reads back as itself."""
    lines = [",".join(names), *(",".join(map(repr, row)) for row in rows.tolist())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write(folder: Path) -> None:
    """Writes ``benign.csv`` and ``malignant.csv`` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    table = load_breast_cancer()
    names = [name.replace(" ", "_") for name in table.feature_names.tolist()]
    for label, target in enumerate(table.target_names.tolist()):
        rows = table.data[table.target == label]
        write_rows(folder / f"{target}.csv", names, rows)
        print(f"{folder / f'{target}.csv'}: {len(rows)} rows, {len(names)} features")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
