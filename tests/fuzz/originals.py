"""The files that are changed: small ones, so that most of each has a meaning."""

from __future__ import annotations

__all__ = ["ORIGINALS"]

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import torch

import flowexport
from flowexport.training import train_recipe
from tests.conftest import small_flow

CATEGORIES = ["a", "b", "c"]

RECIPE = """name = "small"
description = "a test"

[data]
file = "rows.csv"
columns = ["x0", "x1", "x2"]
context = ["kind", "angle"]
validation = 0.2

[data.categorical]
kind = "one-hot"

[data.logit]
x2 = [-9.0, 9.0]

[flow]
transforms = 2
hidden_features = [4]
activation = "ReLU"
univariate = { name = "Affine" }
masks = "alternating"
base = { name = "GaussianMixture", components = 2 }

[training]
optimizer = "adamw"
learning_rate = 1e-2
epochs = 2
batch_size = 32
patience = 3
seed = 3
"""


def write_rows(folder: Path, rows: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """A table in each format: three features, a category and a number."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3))
    context = np.column_stack([rng.integers(0, 3, rows), rng.normal(size=rows)])
    names = ["x0", "x1", "x2", "kind", "angle"]
    kinds = [CATEGORIES[int(code)] for code in context[:, 0]]
    lines = [
        f"{a:.6g},{b:.6g},{c:.6g},{kind},{angle:.6g}"
        for (a, b, c), kind, angle in zip(x, kinds, context[:, 1], strict=True)
    ]
    (folder / "rows.csv").write_text("\n".join([",".join(names), *lines]) + "\n")
    (folder / "rows.csv.gz").write_bytes(gzip.compress((folder / "rows.csv").read_bytes(), mtime=0))
    np.save(folder / "rows.npy", np.column_stack([x, context]))
    np.savez(folder / "rows.npz", x)
    columns = [*x.T, kinds, context[:, 1]]
    table = pa.table(dict(zip(names, columns, strict=True)))
    pq.write_table(table, folder / "rows.parquet")
    feather.write_feather(table, folder / "rows.feather", compression="uncompressed")
    return x, context


def bundle(folder: Path) -> None:
    """Bounded features, splines, categories: all that a bundle can say."""
    x, context = write_rows(folder)
    flow = small_flow(
        features=3,
        context=2,
        categories=[3, 0],
        bounds=[(None, None), (None, None), (-9.0, 9.0)],
        transforms=2,
        hidden_features=(4,),
    )
    names = [{"name": "kind", "categories": CATEGORIES}, "angle"]
    flowexport.export(flow, folder / "bundle", x, context, features=["x0", "x1", "x2"], context_features=names)


def recipe(folder: Path) -> None:
    write_rows(folder)
    (folder / "recipe.toml").write_text(RECIPE)


def run(folder: Path) -> None:
    """A run that was stopped after the first of two epochs."""
    recipe(folder)

    def stop(*given: object) -> None:
        raise KeyboardInterrupt

    train_recipe(folder / "recipe.toml", folder / "run", on_epoch=stop)


def checkpoint(folder: Path) -> None:
    """A model of zuko, by both of the formats that need no trust."""
    import zuko
    from safetensors.torch import save_file

    arguments = {"features": 3, "context": 1, "transforms": 2, "hidden_features": [4]}
    torch.manual_seed(0)
    state = zuko.flows.RealNVP(**arguments).state_dict()
    torch.save(state, folder / "flow.pt")
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / "flow.safetensors")
    spelt = {"class": "RealNVP", **arguments, "activation": "ELU"}
    (folder / "arguments.json").write_text(json.dumps(spelt))


ORIGINALS = {"bundles": bundle, "recipes": recipe, "tables": bundle, "runs": run, "checkpoints": checkpoint}
"""What is written to an empty folder, for each subject."""
