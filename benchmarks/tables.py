"""The tables that `python -m benchmarks.quality` judges the defaults of training on."""

from __future__ import annotations

__all__ = ["TABLES", "Split"]

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np

MODELS = Path(__file__).resolve().parents[1] / "models"

HELD_OUT = 0.2
"""Part of a table that cannot be drawn again."""

ROWS, DRAWN_HELD_OUT = 1000, 2000
"""Of a table that can be drawn again: in training, and held out."""

Split = tuple[np.ndarray, np.ndarray]
"""Training and held-out rows, ``[rows, features]`` each."""

Draw = Callable[[np.random.Generator, int], np.ndarray]


def of_sklearn(
    name: str, keep: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda x, y: x
) -> Callable[..., Split]:
    """The features of one of scikit-learn's tables, split by the seed."""

    def split(seed: int) -> Split:
        from sklearn import datasets

        table = getattr(datasets, f"load_{name}")()
        rows = np.random.default_rng(seed).permutation(keep(table.data.astype(float), table.target))
        held = round(HELD_OUT * len(rows))
        return rows[held:], rows[:held]

    return split


def of_zoo(name: str) -> Callable[..., Split]:
    """The density of a model of the zoo, drawn by its own script."""

    def split(seed: int) -> Split:
        spec = spec_from_file_location(name, MODELS / name / "make_rows.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.draw(ROWS, 2 * seed), module.draw(DRAWN_HELD_OUT, 2 * seed + 1)

    return split


def drawn(draw: Draw, rows: int = ROWS, held_out: int = DRAWN_HELD_OUT) -> Callable[..., Split]:
    """Rows of a density, drawn by the seed."""

    def split(seed: int) -> Split:
        table = draw(np.random.default_rng(1000 + seed), rows + held_out)
        return table[:rows], table[rows:]

    return split


def principal(x: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Digits in their first 16 principal components: pixels alone are whole numbers, and some are always 0."""
    centred = x - x.mean(axis=0)
    return centred @ np.linalg.svd(centred, full_matrices=False)[2][:16].T


def gaussian(features: int) -> Draw:
    """A normal of a covariance that is the same for every seed."""
    root = np.random.default_rng(features).normal(size=(features, features)) / np.sqrt(features) + np.eye(features)
    return lambda rng, rows: rng.normal(size=(rows, features)) @ root


def factors(features: int, latent: int = 10) -> Draw:
    """A few factors behind many features, and a curve in each."""
    loads = np.random.default_rng(features).normal(size=(latent, features))

    def draw(rng: np.random.Generator, rows: int) -> np.ndarray:
        z = rng.normal(size=(rows, latent))
        return np.tanh(z @ loads / 2) + 0.3 * rng.normal(size=(rows, features))

    return draw


def heavy_tails(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Student's t of three degrees of freedom, one chi-square a row."""
    return gaussian(5)(rng, rows) / np.sqrt(rng.chisquare(3, (rows, 1)) / 3)


def lognormal(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Six features over seven orders of magnitude."""
    return np.exp(2 * rng.normal(size=(rows, 6)))


def collinear(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Three measurements of one thing, correlated to 0.9999, and a fourth feature that bends with it."""
    thing = rng.normal(size=(rows, 1))
    near = thing + 0.01 * rng.normal(size=(rows, 3))
    return np.hstack([near, thing**2 + 0.5 * rng.normal(size=(rows, 1))])


def clusters(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Seven normals in six features, of unlike sizes."""
    fixed = np.random.default_rng(7)
    centres, scales = 4 * fixed.normal(size=(7, 6)), fixed.uniform(0.2, 1.0, (7, 6))
    label = rng.choice(7, rows, p=np.arange(1, 8) / 28)
    return centres[label] + scales[label] * rng.normal(size=(rows, 6))


def islands(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Nine small normals on a grid."""
    return 3.0 * rng.integers(0, 3, (rows, 2)) + 0.3 * rng.normal(size=(rows, 2))


def rings(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Two rings, one in the other."""
    angle = rng.uniform(0, 2 * np.pi, rows)
    radius = rng.choice([1.0, 3.0], rows) + 0.1 * rng.normal(size=rows)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def swiss_roll(rng: np.random.Generator, rows: int) -> np.ndarray:
    """A rolled sheet with normal noise."""
    turn = 1.5 * np.pi * (1 + 2 * rng.uniform(size=rows))
    sheet = np.stack([turn * np.cos(turn), 21 * rng.uniform(size=rows), turn * np.sin(turn)], axis=1)
    return sheet + 0.5 * rng.normal(size=(rows, 3))


def mixed_scales(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Units from 1e-9 to 1e9, each feature bent by the one before."""
    z = rng.normal(size=(rows, 4))
    for i in range(1, 4):
        z[:, i] += np.sin(2 * z[:, i - 1])
    return z * [1e-9, 1e-3, 1e3, 1e9] + [5e-9, 0, 1e4, -2e9]


def counts(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Whole numbers that share a rate, with the uniform noise that makes a density of them."""
    rate = 3 * np.exp(0.7 * rng.normal(size=(rows, 1)))
    return rng.poisson(rate, (rows, 3)) + rng.uniform(size=(rows, 3))


def zero_inflated(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Rain and its like: nothing on a third of the days, measured with a small error."""
    wet = rng.uniform(size=(rows, 1)) > 1 / 3
    rain = np.where(wet, np.exp(rng.normal(size=(rows, 1))), 0) + 0.02 * rng.normal(size=(rows, 1))
    return np.hstack([rain, 0.5 * rain + rng.normal(size=(rows, 2))])


def one_feature(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Two bumps, one of them skewed."""
    left, right = rng.gamma(2, 1, rows), 10 + rng.normal(size=rows)
    return np.where(rng.uniform(size=rows) < 0.7, left, right)[:, None]


def cube(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Uniform on a cube: edges where the density falls to nothing."""
    return rng.uniform(size=(rows, 4))


def pairs(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Products and differences of exponential and normal numbers: skewed, and dependent without correlation. The noise
    is what makes a density of them: four features of three numbers have none."""
    a, b, c, noise = rng.exponential(size=rows), *rng.normal(size=(3, rows))
    return np.stack([a, a * b, b + 0.3 * c, a - np.abs(c) + 0.2 * noise], axis=1)


def bent(rng: np.random.Generator, rows: int) -> np.ndarray:
    """A parabola in three features."""
    z = rng.normal(size=(rows, 3))
    return np.stack([z[:, 0], z[:, 0] ** 2 + 0.5 * z[:, 1], z[:, 2] + z[:, 0]], axis=1)


def spirals(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Two arms."""
    turn = 3 * np.pi * np.sqrt(rng.uniform(size=rows))
    side = rng.choice([-1.0, 1.0], rows)
    arms = np.stack([side * turn * np.cos(turn), side * turn * np.sin(turn)], axis=1)
    return arms + 0.3 * rng.normal(size=(rows, 2))


def sensors(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Energies, angles, seconds and fractions of one event, in the units that they are written in."""
    energy = rng.gamma(2, 30, rows)
    angle = np.arctan2(rng.normal(size=rows), 0.5 + rng.normal(size=rows))
    seconds = 1e-9 * (3 + 0.02 * energy + 0.3 * rng.normal(size=rows))
    share = rng.beta(2 + energy / 30, 3)
    return np.stack([energy, angle, seconds, share, energy * share + rng.normal(size=rows)], axis=1)


TABLES: dict[str, Callable[[int], Split]] = {
    "iris": of_sklearn("iris"),
    "wine": of_sklearn("wine"),
    "breast cancer, benign": of_sklearn("breast_cancer", lambda x, y: x[y == 1]),
    "breast cancer, all": of_sklearn("breast_cancer"),
    "diabetes": of_sklearn("diabetes"),
    "digits, 16 components": of_sklearn("digits", principal),
    "banana": of_zoo("banana"),
    "moons": of_zoo("moons"),
    "mixture": of_zoo("mixture"),
    "funnel": of_zoo("funnel"),
    "Gaussian, 200 × 20": drawn(gaussian(20), 200),
    "Gaussian, 1,000 × 5": drawn(gaussian(5)),
    "50 × 3, bent": drawn(bent, 50),
    "heavy tails": drawn(heavy_tails),
    "lognormal, σ 2": drawn(lognormal),
    "collinear to 0.9999": drawn(collinear),
    "clusters": drawn(clusters),
    "islands": drawn(islands),
    "rings": drawn(rings),
    "swiss roll": drawn(swiss_roll),
    "spirals": drawn(spirals),
    "scales from 1e-9 to 1e9": drawn(mixed_scales),
    "whole numbers": drawn(counts),
    "zero-inflated": drawn(zero_inflated),
    "one feature": drawn(one_feature),
    "cube": drawn(cube),
    "skewed": drawn(pairs),
    "sensors": drawn(sensors),
    "1,000 × 200": drawn(factors(200)),
    "500 × 200": drawn(factors(200), 500),
}
"""By name: seed → training and held-out rows."""
