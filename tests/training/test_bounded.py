"""Log and logit columns: densities in closed form, in the data's own units, and what is outside is refused by name."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import flowexport
from flowexport.errors import ArgumentError, DataError
from flowexport.flows import RealNVP
from flowexport.runtime import Model
from flowexport.training import fit, load_checkpoint, load_recipe, train_recipe
from flowexport.training.data import make_rows, read_rows
from flowexport.training.preparation import noisy, standardise
from tests.graded import graded, write_recipe
from tests.reference_page import reference_flow

LINES = {
    "log": ((0.0, None), np.log, lambda x: -np.log(x)),
    "log of a distance": ((-3.0, None), lambda x: np.log(x + 3), lambda x: -np.log(x + 3)),
    "log below": ((None, 9.0), lambda x: -np.log(9 - x), lambda x: -np.log(9 - x)),
    "logit": ((0.0, 1.0), lambda x: np.log(x) - np.log1p(-x), lambda x: -np.log(x) - np.log1p(-x)),
    "logit of a range": (
        (2.0, 6.0),
        lambda x: np.log(x - 2) - np.log(6 - x),
        lambda x: math.log(4) - np.log(x - 2) - np.log(6 - x),
    ),
}
"""Bounds, the map to the line, and the logarithm of its slope."""


def on_the_line(rows: int = 400, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.7, 0.4, rows)


def inverse(bounds: tuple[float | None, float | None], u: np.ndarray) -> np.ndarray:
    low, high = bounds
    if low is not None and high is not None:
        return low + (high - low) / (1 + np.exp(-u))
    return low + np.exp(u) if low is not None else high - np.exp(-u)


def identity(bounds: list[tuple[float | None, float | None]]) -> RealNVP:
    """A flow that is its units and its bounds alone, in float64."""
    flow = reference_flow(len(bounds), transforms=2, hidden_features=(4,), bounds=bounds).double().eval()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.zero_()
    return flow


@pytest.mark.parametrize("name", LINES)
def test_one_bounded_column_is_the_normal_of_its_map(name: str, tmp_path: Path) -> None:
    """The log-normal, the logit-normal and their like, with the mean and deviation of the mapped rows."""
    bounds, line, log_slope = LINES[name]
    x = inverse(bounds, on_the_line())
    flow = identity([bounds])
    standardise(flow, make_rows(x[:, None]))
    u = line(x)
    expected = -0.5 * ((u - u.mean()) / u.std()) ** 2 - math.log(u.std()) - 0.5 * math.log(2 * math.pi) + log_slope(x)
    found = flow.log_prob(torch.from_numpy(x[:, None])).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)  # bounds are float32 in the flow

    report = flowexport.export(flow.float(), tmp_path / "bundle", x[:, None], features=["value"])
    assert {check.status for check in report.checks if check.name == "mass"} == {"passed"}
    model = flowexport.load(tmp_path / "bundle", device="cpu")
    np.testing.assert_allclose(model.log_prob(x[:, None]), expected, atol=1e-4, rtol=1e-5)
    low, high = (-math.inf if bounds[0] is None else bounds[0]), (math.inf if bounds[1] is None else bounds[1])
    samples = model.sample(5000, seed=0)
    assert ((samples > low) & (samples < high)).all()
    v = line(samples[:, 0].astype(np.float64))
    assert abs(v.mean() - u.mean()) < 5 * u.std() / math.sqrt(5000)
    assert abs(v.std() / u.std() - 1) < 5 / math.sqrt(10_000)


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A column of each kind, and one without bounds."""
    flow = identity([*(bounds for bounds, _, _ in LINES.values()), (None, None)]).float()
    rows = np.stack([*(inverse(bounds, on_the_line()) for bounds, _, _ in LINES.values()), on_the_line()], axis=1)
    standardise(flow, make_rows(rows))
    path = tmp_path_factory.mktemp("bounded") / "bundle"
    flowexport.export(flow, path, rows)
    return flowexport.load(path, device="cpu")


@pytest.mark.parametrize("column", range(len(LINES)), ids=LINES)
def test_outside_the_support_the_density_is_zero_and_its_percentile_0(bounded: Model, column: int) -> None:
    bounds = list(LINES.values())[column][0]
    steps = [(bound, way) for bound, way in zip(bounds, (-1, 1), strict=True) if bound is not None]
    edges = [bound + way * far for bound, way in steps for far in (0, 1e-3, 1, 1e30)]
    rows = np.repeat(bounded.sample(1, seed=0), len(edges), axis=0)
    assert np.isfinite(bounded.log_prob(rows)).all()
    rows[:, column] = edges
    outside = bounded.log_prob(rows)
    assert outside.tolist() == [-math.inf] * len(edges)
    assert bounded.percentile(outside).tolist() == [0.0] * len(edges)
    rows[:, column] = np.nan
    assert np.isnan(bounded.log_prob(rows)).all()


def test_the_recipe_standardises_behind_the_maps(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    train_recipe(recipe, tmp_path / "run")
    loaded = load_checkpoint(tmp_path / "run")
    assert loaded.flow.arguments["bounds"] == [[0.0, None], [0.0, 1.0]]
    spec = load_recipe(recipe)
    training, _ = read_rows(spec.data, tmp_path).split(spec.data.validation, spec.training.seed)
    mapped = np.stack([np.log(training.x[:, 0]), np.log(training.x[:, 1] / (1 - training.x[:, 1]))], axis=1)
    np.testing.assert_allclose(loaded.flow.standardize.mean, mapped.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(loaded.flow.standardize.scale, mapped.std(axis=0), rtol=1e-5)


def test_noise_acts_behind_the_maps_and_stays_inside() -> None:
    flow = identity([(0.0, None), (0.0, 1.0), (None, None)]).float()
    flow.standardize.fit(torch.tensor([1.0, 0.0, 5.0]), torch.tensor([2.0, 3.0, 4.0]))
    x = torch.tensor([[2.0, 0.25, -1.0]]).repeat(20_000, 1)
    torch.manual_seed(0)
    found = noisy(flow, x, 0.1).double().numpy()
    u = np.stack([np.log(found[:, 0]), np.log(found[:, 1] / (1 - found[:, 1])), found[:, 2]], axis=1)
    expected = np.array([math.log(2), math.log(1 / 3), -1.0])
    deviation = 0.1 * np.array([2.0, 3.0, 4.0])
    assert (np.abs(u.mean(axis=0) - expected) < 5 * deviation / math.sqrt(20_000)).all()
    assert (np.abs(u.std(axis=0) / deviation - 1) < 5 / math.sqrt(40_000)).all()
    # So much noise that the maps back round to their bounds.
    far = noisy(flow, x, 100.0)
    assert bool(((far[:, :2] > 0) & (far[:, 1:2] < 1)).all())
    assert bool(flow.log_prob(far).isfinite().all())


@pytest.mark.parametrize(
    ("column", "value", "support"),
    [
        ("price", 0.0, "above 0"),
        ("price", -1.5, "above 0"),
        ("price", 1e-60, "above 0"),  # zero in float32
        ("fraction", 0.0, "above 0 and below 1"),
        ("fraction", 1.0, "above 0 and below 1"),
        ("fraction", 1 - 1e-12, "above 0 and below 1"),
        ("fraction", 7.0, "above 0 and below 1"),
    ],
    ids=str,
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_row_outside_is_refused_by_row_and_column(
    tmp_path: Path, column: str, value: float, support: str, suffix: str
) -> None:
    rows = graded()
    rows[column][[71, 90]] = value
    recipe = write_recipe(tmp_path, f"rows{suffix}", rows=rows)
    words = rf"rows\{suffix}: row 72, column '{column}' holds {re.escape(str(value))}, outside .* it must be {support}"
    with pytest.raises(DataError, match=words):
        train_recipe(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_rows_in_memory_and_at_the_export_are_held_to_the_support(tmp_path: Path) -> None:
    flow = identity([(0.0, None), (None, None)]).float()
    x = np.abs(np.random.default_rng(0).normal(size=(50, 2))) + 0.1
    x[7, 0] = -2
    with pytest.raises(DataError, match=r"x: row 8, column 'x0' holds -2\.0, outside its support: it must be above 0"):
        fit(flow, x, epochs=1)
    with pytest.raises(ArgumentError, match=r"data: row 8, column 'price' holds -2\.0, outside its support"):
        flowexport.export(flow, tmp_path / "bundle", x, features=["price", "other"])
    assert not (tmp_path / "bundle").exists()


@pytest.mark.thorough
def test_it_learns_a_log_normal(tmp_path: Path) -> None:
    """One column, an affine map: what training can reach is the log-normal of the rows' own moments."""
    rng = np.random.default_rng(3)
    price = np.exp(rng.normal(2.0, 0.8, 1000))
    recipe = write_recipe(
        tmp_path,
        flow='transforms = 1\nunivariate = "Affine"\nwhiten = false\n',
        training='optimizer = "adam"\nweight_decay = 0.0\nepochs = 25\nlearning_rate = 0.03\nbatch_size = 50\n',
        data='log = ["price"]\nvalidation = 0\n',
        rows={"price": price},
    )
    outcome = train_recipe(recipe, tmp_path / "run")
    u = np.log(price)
    entropy = 0.5 * math.log(2 * math.pi * math.e * u.var()) + u.mean()
    assert outcome.best_nll == pytest.approx(entropy, abs=2e-3)
