"""A small table of goods: two bounded features, a number and three categories as context, in any format."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

CUTS = ["fair", "good", "ideal"]
COLORS = ["D", "E, rare", "F"]
MEANS = {"fair": 0.0, "good": 1.0, "ideal": 3.0}

SMALL = "transforms = 2\nhidden_features = [8]\n"


def graded(rows: int = 300, seed: int = 0) -> dict[str, np.ndarray]:
    """``price`` above 0, ``fraction`` between 0 and 1, ``angle``, ``cut``, ``color``, and ``stars`` from 1 to 12."""
    rng = np.random.default_rng(seed)
    cut, color, stars = rng.choice(CUTS, rows), rng.choice(COLORS, rows), rng.integers(1, 13, rows)
    angle = rng.normal(10, 3, rows)
    price = np.exp(np.array([MEANS[each] for each in cut]) + 0.3 * rng.normal(size=rows) + 0.05 * stars)
    fraction = 1 / (1 + np.exp(-(rng.normal(size=rows) + 0.1 * angle - 1)))
    return {"price": price, "fraction": fraction, "angle": angle, "cut": cut, "color": color, "stars": stars}


def write_table(path: Path, columns: dict[str, np.ndarray]) -> Path:
    """CSV, Parquet (texts as pandas writes its categories, with one that no row has), or NPY of numbers alone."""
    if path.suffix == ".npy":
        np.save(path, np.stack(list(columns.values()), axis=1))
        return path
    if path.suffix == ".csv":
        pyarrow.csv.write_csv(pa.table(columns), path)
        return path
    arrays = {name: pa.array(values) for name, values in columns.items()}
    for name, values in columns.items():
        if values.dtype.kind == "U":
            names = ["unused", *sorted(set(values.tolist()), reverse=True)]
            codes = pa.array([names.index(value) for value in values], pa.int8())
            arrays[name] = pa.DictionaryArray.from_arrays(codes, names)
    pyarrow.parquet.write_table(pa.table(arrays), path)
    return path


def write_recipe(
    folder: Path,
    file: str = "rows.csv",
    flow: str = SMALL,
    training: str = "epochs = 2\nbatch_size = 64\n",
    data: str = (
        'columns = ["price", "fraction"]\ncontext = ["cut", "angle", "color", "stars"]\n'
        'log = ["price"]\nlogit = { fraction = [0, 1] }\n'
        '[data.categorical]\ncut = "one-hot"\ncolor = { embedding = 2 }\nstars = "one-hot"\n'
    ),
    rows: dict[str, np.ndarray] | None = None,
) -> Path:
    """The table, and a recipe over it."""
    write_table(folder / file, graded() if rows is None else rows)
    path = folder / "recipe.toml"
    path.write_text(f'name = "graded"\n[data]\nfile = "{file}"\n{data}[flow]\n{flow}[training]\n{training}')
    return path
