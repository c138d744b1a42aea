"""Ordinary tables, trained as a new user would, are exported: a right model ships."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import datasets

import flowexport

HARD = {"univariate": "Affine", "activation": "ReLU", "transforms": 3, "hidden_features": (64, 64), "whiten": False}
"""Log scales that are free to ±6.9 behind ReLUs, which extrapolate without bound: log_prob of -1e13 far out."""

SPLINE = {"univariate": "RationalQuadraticSpline"}


def shipped(x: np.ndarray, path: Path, seed: int, c: np.ndarray | None = None, **given: Any) -> None:
    """README's three lines, and that they end with a bundle."""
    epochs = given.pop("epochs", None)
    torch.manual_seed(seed)
    flow = flowexport.RealNVP(features=x.shape[1], **given)
    flowexport.fit(flow, x, c, seed=seed, **({} if epochs is None else {"epochs": epochs}))
    assert flowexport.export(flow, path, data=x, context=c).passed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "seed"),
    [(name, seed) for name in ("iris", "wine", "breast_cancer", "diabetes") for seed in range(5)],
)
def test_a_table_of_scikit_learn_by_the_three_lines(name: str, seed: int, tmp_path: Path) -> None:
    shipped(getattr(datasets, f"load_{name}")().data, tmp_path / name, seed)


@pytest.mark.parametrize("name", ["iris", "breast_cancer"])
def test_a_hard_flow_of_a_small_table(name: str, tmp_path: Path) -> None:
    shipped(getattr(datasets, f"load_{name}")().data, tmp_path / name, 0, **HARD, epochs=40)


def energies(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """20,000 rows of energies, angles, seconds of 1e-9 and fractions, given a category and a number."""
    random = np.random.default_rng(seed)
    kind, angle_of = random.integers(0, 3, 20_000), random.normal(size=20_000)
    energy = np.exp(random.normal(4 + 0.5 * kind + 0.3 * angle_of, 0.8))
    angle = random.vonmises(0.5 * angle_of, 2 + kind)
    seconds = 1e-9 * (3 + random.gamma(2 + kind, 1.0))
    fraction = random.beta(2 + kind, 5)
    x = [energy, angle, seconds, fraction, energy * fraction + random.normal(size=20_000), random.normal(angle, 0.2)]
    return np.stack(x, axis=1), np.stack([kind, angle_of], axis=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("arguments", [HARD, SPLINE], ids=["affine", "spline"])
def test_a_table_of_energies_angles_and_seconds(arguments: dict[str, Any], seed: int, tmp_path: Path) -> None:
    x, context = energies(seed)
    shipped(x, tmp_path / "energies", seed, context, **{"context": 2, "categories": [3, 0], **arguments}, epochs=20)
