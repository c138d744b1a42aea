"""The zoo: every bundle proves itself, is of its recipe, is small, and is as near to the truth as its README says."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

import flowexport
from flowexport.bundle import zoo_names

ROOT = Path(__file__).resolve().parents[2]
ZOO = ROOT / "models"

BUNDLE_BYTES, ZOO_BYTES = 2 << 20, 12 << 20

PICTURE_BYTES = 200 << 10

EXCESS = 0.03
"""Nats a row that a model of a known density may lack."""

ROWS = {"funnel": 1_000_000}
"""Held-out rows where they are not 100,000: the funnel's mouth and neck are seldom met."""


@cache
def excess_module() -> ModuleType:
    """models/excess.py as a module."""
    spec = importlib.util.spec_from_file_location("zoo_excess", ZOO / "excess.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def densities() -> dict:
    return excess_module().known_densities()


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


# Bundles


@pytest.mark.parametrize("name", zoo_names())
def test_a_bundle_verifies_on_data_tails_and_every_batch_size(name):
    report = flowexport.verify(ZOO / name / "bundle", "cpu")
    assert report.passed, report.fault()
    subjects = {check.subject for check in report.checks if check.name == "parity"}
    is_image = len(flowexport.load(name, device="cpu").event_shape) > 1
    batches = (1, 2, 7, 64) if is_image else (1, 2, 7, 256, 1000)
    wanted = {"log_prob, tails_64"}
    wanted |= {f"log_prob, data_{n}" for n in batches} | {f"sample, noise_{n}" for n in batches}
    assert wanted <= subjects


@pytest.mark.parametrize("name", zoo_names())
def test_a_bundle_is_small(name):
    assert size(ZOO / name / "bundle") <= BUNDLE_BYTES


def test_all_bundles_together_are_small():
    assert sum(size(ZOO / name / "bundle") for name in zoo_names()) <= ZOO_BYTES


@pytest.mark.parametrize("name", zoo_names())
def test_a_bundle_is_of_the_recipe_beside_it(name):
    recipe = (ZOO / name / "recipe.toml").read_bytes()
    provenance = flowexport.load(name, device="cpu").manifest.provenance
    assert provenance["recipe_sha256"] == hashlib.sha256(recipe).hexdigest(), f"python models/make_models.py {name}"


@pytest.mark.parametrize("name", zoo_names())
def test_a_model_has_a_page_that_says_how_to_make_it(name):
    page = (ZOO / name / "README.md").read_text(encoding="utf-8")
    for command in (f"models/{name}/make_rows.py", f"models/{name}/recipe.toml", f"models/{name}/bundle"):
        assert command in page


@pytest.mark.parametrize("name", zoo_names())
def test_a_page_has_a_picture_and_the_command_that_draws_it(name):
    page = (ZOO / name / "README.md").read_text(encoding="utf-8")
    pictures = [ZOO / name / path for path in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page)]
    assert pictures
    for path in pictures:
        assert path.is_file()
        assert path.stat().st_size <= PICTURE_BYTES
        assert ("make pictures" if path.resolve().parent == ROOT / "docs" else f"models/{name}/draw.py") in page


# Models of known densities


@pytest.mark.parametrize("name", sorted(densities()))
def test_a_model_is_as_near_to_the_truth_as_its_page_says(name):
    log_prob, features = excess_module().of_bundle(ZOO / name / "bundle")
    mean, error = excess_module().excess(log_prob, densities()[name], features, ROWS.get(name, 100_000))
    # No model is better than the truth: less than nothing is a density that is not that of the rows.
    assert -3 * error <= mean <= EXCESS
    page = (ZOO / name / "README.md").read_text(encoding="utf-8")
    stated = re.search(r"\| excess, over ([\d,]+) rows \| ([\d.]+) ± ([\d.]+) nats a row \|", page)
    assert stated is not None
    assert int(stated[1].replace(",", "")) == ROWS.get(name, 100_000)
    assert [float(stated[2]), float(stated[3])] == pytest.approx([mean, error], abs=1.5e-4)


def rows(name: str, number: int = 500) -> torch.Tensor:
    """Rows of a model, some of them pulled away from where rows are."""
    drawn = densities()[name]["draw"](number, 2)
    features = len(flowexport.load(name, device="cpu").manifest.features)
    drawn[::3, :features] *= 1.5
    return torch.from_numpy(drawn)


def normal(x: torch.Tensor, mean: torch.Tensor, scale: torch.Tensor | float) -> torch.Tensor:
    return Normal(mean, scale).log_prob(x)


def test_the_banana_is_two_normals():
    x1, x2 = rows("banana").T
    expected = normal(x2, 0 * x2, 2) + normal(x1, 0.25 * x2**2, 1)
    np.testing.assert_allclose(densities()["banana"]["log_density"](rows("banana").numpy()), expected, rtol=1e-12)


def test_the_funnel_is_ten_normals():
    v, x = rows("funnel").split([1, 9], dim=1)
    expected = normal(v, 0 * v, 3)[:, 0] + normal(x, 0 * x, (v / 2).exp()).sum(1)
    np.testing.assert_allclose(densities()["funnel"]["log_density"](rows("funnel").numpy()), expected, rtol=1e-12)


def test_the_mixture_is_one_of_eight_normals():
    angle = torch.arange(8, dtype=torch.float64) * torch.pi / 4
    means = 4 * torch.stack([angle.cos(), angle.sin()], dim=1)
    normals = Independent(Normal(means, 0.5), 1)
    expected = MixtureSameFamily(Categorical(torch.arange(1, 9, dtype=torch.float64)), normals).log_prob(
        rows("mixture")
    )
    np.testing.assert_allclose(densities()["mixture"]["log_density"](rows("mixture").numpy()), expected, rtol=1e-12)


def test_the_ring_is_a_bessel_function_of_the_radius():
    # Around the ring exp(r cos θ / σ²) has the mean I₀(r / σ²).
    x, noise = rows("noisy_ring").split([2, 1], dim=1)
    radius, variance = x.norm(dim=1), noise[:, 0] ** 2
    bessel = torch.special.i0e(radius / variance).log()
    expected = bessel - (radius - 1) ** 2 / (2 * variance) - (2 * torch.pi * variance).log()
    np.testing.assert_allclose(
        densities()["noisy_ring"]["log_density"](rows("noisy_ring").numpy()), expected, rtol=1e-9
    )


def test_the_moons_are_what_a_fine_sum_over_the_angle_says():
    steps = (np.arange(20_000) + 0.5) * np.pi / 20_000
    upper = np.stack([np.cos(steps), np.sin(steps)], axis=1)
    points = np.concatenate([upper, [1, 0.5] - upper])
    x = rows("moons", 60).numpy()
    squares = np.square((x[:, None] - points) / 0.1).sum(-1)
    expected = np.logaddexp.reduce(-0.5 * squares, axis=1) - np.log(len(points)) - np.log(2 * np.pi * 0.01)
    np.testing.assert_allclose(densities()["moons"]["log_density"](x), expected, rtol=1e-5, atol=1e-6)
