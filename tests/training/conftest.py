"""What the tests of training share: tables and recipes in a folder of their own."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from flowexport.tables import open_writer
from flowexport.training import train_recipe

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """On a shared machine, the threads of so small a step wait for one another ten times longer than they work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def rows() -> np.ndarray:
    """Sixty rows of three columns, the second of which follows the first."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 3))
    values[:, 1] += values[:, 0] ** 2
    return values * [1.0, 5.0, 0.1] + [0.0, 100.0, 3.0]


def write_recipe_in(folder: Path, values: np.ndarray, **sections: dict[str, Any]) -> Path:
    """A table, and a recipe of a small, short training over it, with what a test changes in each section."""
    file = sections.setdefault("data", {}).setdefault("file", "rows.parquet")
    with open_writer(folder / file, [f"x{i}" for i in range(values.shape[1])]) as writer:
        writer.write(values)
    defaults: dict[str, dict[str, Any]] = {
        "data": {},
        "flow": {"transforms": 2, "hidden_features": [8]},
        "training": {"epochs": 4, "batch_size": 16, "learning_rate": 1e-2, "seed": 3},
    }
    text = 'name = "test"\n'
    for section, values_of in defaults.items():
        text += f"[{section}]\n"
        for key, value in (values_of | sections.get(section, {})).items():
            text += f"{key} = {json.dumps(value)}\n"
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


@pytest.fixture
def write_recipe(tmp_path: Path, rows: np.ndarray) -> Write:
    """Writes a table, by default of ``rows``, and a recipe over it."""

    def write(values: np.ndarray | None = None, **sections: dict[str, Any]) -> Path:
        return write_recipe_in(tmp_path, rows if values is None else values, **sections)

    return write


@pytest.fixture(scope="session")
def noisy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained by a recipe with everything that a resumed run could lose."""
    folder = tmp_path_factory.mktemp("noisy")
    rng = np.random.default_rng(0)
    values = np.hstack([rng.normal(size=(60, 3)), rng.integers(0, 4, (60, 1))])
    values[:, 1] += values[:, 0] ** 2
    training = {
        "epochs": 5,
        "learning_rate": 3e-2,
        "noise": 0.3,
        "warmup_epochs": 1.5,
        "optimizer": "adamw",
        "weight_decay": 0.1,
    }
    recipe = write_recipe_in(folder, values, data={"context": ["x2"], "weight": "x3"}, training=training)
    train_recipe(recipe, folder / "unbroken")
    return folder


@pytest.fixture
def unbroken(noisy_folder: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A recipe with noise, row weights, context, warm-up and AdamW, and the run folder that it gives unstopped."""
    shutil.copytree(noisy_folder, tmp_path, dirs_exist_ok=True)
    return tmp_path / "recipe.toml", tmp_path / "unbroken"
