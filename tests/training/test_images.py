"""Images are trained on as whole numbers with uniform noise, and judged in bits a pixel and channel."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import flowexport
from flowexport.cli.main import main
from flowexport.errors import ArgumentError, DataError, RecipeError
from flowexport.flows import MultiScaleRealNVP
from flowexport.tables import open_writer
from flowexport.training import load_checkpoint, train_recipe
from flowexport.training.epoch import log_prob_of, nll_of
from flowexport.training.images import bits_per_dimension, dequantised

RECIPE = """\
name = "stripes"
[data]
file = "images.npy"
validation = 0.25
[image_flow]
shape = [1, 4, 4]
levels = 6
scales = 2
couplings = 1
hidden_channels = 3
residual_blocks = 1
batch_norm = true
dropout = 0.1
[training]
epochs = 3
batch_size = 16
seed = 4
"""


@pytest.fixture
def stripes() -> np.ndarray:
    """Sixty images ``[60, 4, 4]`` of 6 levels, whose first column is always dark."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 6, (60, 1, 4)) + np.zeros((60, 4, 1), np.int64)
    images[:, :, 0] = 0
    return images.astype(np.uint8)


@pytest.fixture
def recipe(tmp_path: Path, stripes: np.ndarray) -> Path:
    np.save(tmp_path / "images.npy", stripes)
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return path


def small(**arguments) -> MultiScaleRealNVP:
    torch.manual_seed(0)
    given = {"shape": (1, 4, 4), "levels": 6, "couplings": 1, "hidden_channels": 3, "residual_blocks": 0}
    return MultiScaleRealNVP(**given | arguments)


# The noise and the unit


def test_noise_is_uniform_below_the_next_level():
    x = torch.arange(4.0).repeat(50_000)
    noise = dequantised(x, seed=0) - x
    assert 0 <= noise.min() < 1e-4
    assert 1 - 1e-4 < noise.max() <= 1
    # Deviations of mean and variance of 200,000 draws: 6e-4 and 2e-4.
    assert noise.mean() == pytest.approx(1 / 2, abs=3e-3)
    assert noise.var() == pytest.approx(1 / 12, abs=1e-3)
    assert torch.equal(dequantised(x, seed=0), dequantised(x, seed=0))
    assert not torch.equal(dequantised(x), dequantised(x))


def test_a_uniform_byte_has_eight_bits_a_dimension():
    assert bits_per_dimension(3072 * math.log(256), 3072) == pytest.approx(8)


def test_training_adds_new_noise_to_every_batch(stripes, monkeypatch):
    seen = []
    log_prob = MultiScaleRealNVP.log_prob

    def spied(self, x, context=None):
        seen.append((self.training, x.detach().clone()))
        return log_prob(self, x, context)

    monkeypatch.setattr(MultiScaleRealNVP, "log_prob", spied)
    flowexport.fit(small(), stripes, epochs=2, batch_size=64, validation=0.2)
    trained, evaluated = ([x for training, x in seen if training is kind] for kind in (True, False))
    assert [x.shape for x in trained] == [(48, 1, 4, 4)] * 2
    rows = {tuple(image.ravel().tolist()) for image in stripes}
    assert all(tuple(image.floor().int().ravel().tolist()) in rows for x in trained for image in x)
    assert not torch.equal(trained[0].frac().sort(0).values, trained[1].frac().sort(0).values)
    # Held-out images keep theirs, so that two epochs can be compared.
    assert len(evaluated) == 3  # the start, and two epochs
    assert all(torch.equal(each, evaluated[0]) for each in evaluated)
    assert (evaluated[0].frac() > 0).any()


# Rows


def test_images_may_come_in_their_shape_without_channels_or_flat(stripes):
    nlls = [
        [epoch.validation_nll for epoch in flowexport.fit(small(), images, epochs=2)]
        for images in (stripes, stripes[:, None], stripes.reshape(60, 16))
    ]
    assert nlls[0] == nlls[1] == nlls[2]


@pytest.mark.parametrize("shape", [(60, 2, 8), (60, 2, 4, 4), (60, 1, 4, 4, 1)], ids=str)
def test_images_of_another_shape_are_refused(shape):
    with pytest.raises(ArgumentError, match=r"x: the flow has images of shape \(1, 4, 4\), the rows are of"):
        flowexport.fit(small(), np.zeros(shape))


@pytest.mark.parametrize("value", [-1, 6, 2.5], ids=str)
def test_what_is_no_value_of_a_pixel_is_refused_by_row(stripes, value):
    images = stripes.astype(np.float64)
    images[2, 1, 3] = value
    message = f"x: row 3, column 'x7' holds {value}, and a pixel of 6 levels is a whole number from 0 to 5"
    with pytest.raises(DataError) as error:
        flowexport.fit(small(), images)
    assert str(error.value) == message


def test_normal_noise_is_refused(stripes):
    with pytest.raises(ArgumentError, match="noise: is for vectors"):
        flowexport.fit(small(), stripes, noise=0.1)


def test_a_context_is_standardised_and_pixels_are_not(stripes):
    flow = small(context=2, categories=[0, 2])
    context = np.stack([np.linspace(10, 20, 60), np.arange(60) % 2], axis=1)
    flowexport.fit(flow, stripes, context, epochs=1, validation=0)
    assert flow.standardize is None
    assert flow.standardize_context.mean.tolist() == [15, 0]
    assert flow.standardize_context.scale[1] == 1


@pytest.mark.thorough
def test_a_pixel_learns_its_distribution():
    """Two pixels apart, each 0 with probability 1/4: no model has fewer bits on average than their entropy."""
    images = (np.random.default_rng(0).random((4000, 1, 2)) < 0.75).astype(np.uint8)
    flow = small(shape=(1, 1, 2), levels=2, scales=1, univariate={"name": "RationalQuadraticSpline", "bound": 5.0})
    epochs = flowexport.fit(flow, images, epochs=12, batch_size=200, learning_rate=1e-2)
    entropy = -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75))
    assert entropy - 0.03 < bits_per_dimension(epochs[-1].validation_nll, 2) < entropy + 0.08


# Run folders


@pytest.mark.thorough
def test_a_run_is_judged_in_bits_and_goes_on_to_the_same_numbers(tmp_path, recipe):
    whole = train_recipe(recipe, tmp_path / "whole")
    loaded = load_checkpoint(whole.folder)
    assert loaded.x.shape == (15, 1, 4, 4)
    assert nll_of(log_prob_of(loaded.flow, loaded.x, None), None) == pytest.approx(whole.best_nll, rel=1e-6)
    assert whole.best_bits_per_dimension == pytest.approx(whole.best_nll / 16 / math.log(2))
    with (whole.folder / "metrics.csv").open() as file:
        for line in csv.DictReader(file):
            bits = float(line["validation_nll"]) / 16 / math.log(2)
            assert float(line["validation_bits_per_dimension"]) == pytest.approx(bits)

    def stop(epoch, epochs):
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    assert train_recipe(recipe, tmp_path / "parts", on_epoch=stop).interrupted
    again = train_recipe(recipe, tmp_path / "parts", resume=True)
    assert (again.best_epoch, again.best_nll) == (whole.best_epoch, whole.best_nll)
    for name in ("model.safetensors", "rows.safetensors"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[training]", "[flow]\ntransforms = 2\n[training]", "image_flow: a recipe has one flow; leave out `flow`"),
        ("[image_flow]", 'log = ["x0"]\n[image_flow]', "pixels have a logit map already"),
        ("seed = 4", "noise = 0.1", "pixels get uniform noise and no other"),
        ("[1, 4, 4]", "[1, 4, 6]", "image_flow.shape: 1 × 4 × 6 are 24 numbers, a row of the data has 16"),
        ("[1, 4, 4]", "[4, 4]", "Expected `array` of length 3, got 2 - at `$.image_flow.shape`"),
        ("scales = 2", "scales = 4", "image_flow.scales: 4 halve a 4 × 4 image 3 times"),
        ("couplings = 1", "transforms = 1", "`transforms` - at `$.image_flow`"),
    ],
    ids=str,
)
def test_recipes_are_refused_by_key(tmp_path, recipe, old, new, message):
    recipe.write_text(RECIPE.replace(old, new))
    with pytest.raises(RecipeError) as error:
        train_recipe(recipe, tmp_path / "run")
    assert message in str(error.value)
    assert str(recipe) in str(error.value)
    assert not (tmp_path / "run").exists()


def test_pixels_of_more_levels_are_refused_before_anything_is_written(tmp_path, recipe):
    recipe.write_text(RECIPE.replace("levels = 6", "levels = 5"))
    with pytest.raises(DataError, match=r"images\.npy: row \d+, column 'x\d+' holds 5, and a pixel of 5 levels"):
        train_recipe(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


# The command line


def invoke(*arguments: object) -> str:
    result = CliRunner().invoke(main, [str(each) for each in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_by_command_from_images_to_their_scores(tmp_path, recipe, stripes):
    """Classes beside the pixels of a table, and all the verbs."""
    table = tmp_path / "labelled.parquet"
    with open_writer(table, [*(f"x{i}" for i in range(16)), "class"]) as writer:
        writer.write(np.column_stack([stripes.reshape(60, 16), np.arange(60) % 3]).astype(np.float64))
    data = '[data]\nfile = "labelled.parquet"\ncontext = ["class"]\ncategorical = {class = "one-hot"}'
    recipe.write_text(RECIPE.replace('[data]\nfile = "images.npy"', data))
    run, bundle = tmp_path / "run", tmp_path / "bundle"
    assert "bits per dimension" in invoke("train", recipe, "-o", run)
    invoke("export", run, "-o", bundle)
    document = json.loads(invoke("verify", bundle, "--checkpoint", run, "--json"))
    assert document["passed"]
    samples, scores = tmp_path / "samples.npy", tmp_path / "scores.npy"
    invoke("sample", bundle, "-n", 10, "--seed", 1, "--context", "2", "-o", samples)
    # Behind the pixels is the context that they were drawn for.
    flat, digit = np.split(np.load(samples), [16], axis=1)
    assert (digit == 2).all()
    # Rows are flat in C order, and are read so in whatever shape they come.
    for shape in ((10, 16), (10, 4, 4), (10, 1, 4, 4)):
        np.save(tmp_path / "shaped.npy", flat.reshape(shape))
        invoke("score", bundle, tmp_path / "shaped.npy", "--context", "2", "-o", scores)
        log_prob = flowexport.load(bundle).log_prob(flat.reshape(10, 1, 4, 4), [2])
        np.testing.assert_allclose(np.load(scores)[:, 0], log_prob, rtol=1e-6)
