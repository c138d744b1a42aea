"""Every argument of the flow by the recipe: trained, kept, refused by file and key, and resumed to the same bytes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from flowexport.errors import RecipeError
from flowexport.flows import ActNorm, BatchNorm
from flowexport.training import load_checkpoint, train_recipe
from flowexport.training.recipe import FlowSpec
from tests.graded import graded, write_recipe
from tests.training.test_run import Stop, assert_same_run

NOISY = "epochs = 4\nbatch_size = 67\nlearning_rate = 0.01\nnoise = 0.1\n"
"""270 rows train: the last of five batches has two."""

RESUMED = {
    "ActNorm, spline, mixture": (
        'normalization = "ActNorm"\nunivariate = { name = "RationalQuadraticSpline", bins = 4 }\n'
        'base = { name = "GaussianMixture", components = 3 }\n'
    ),
    "BatchNorm, dropout, residual, LULinear": (
        'normalization = "BatchNorm"\nhidden_features = [8, 8]\nresidual = true\nlayer_norm = true\ndropout = 0.3\n'
        'mixing = "LULinear"\n'
    ),
    "random masks, scaling, a diagonal normal": (
        'masks = "random"\ntransforms = 3\nscaling = true\nbase = "DiagonalNormal"\nunivariate = "Additive"\n'
    ),
    "unbiased layer norm": 'layer_norm = "unbiased"\nhidden_features = [8]\n',
    "masks, permutations, a conditional normal": (
        'masks = [[true, false], [false, true]]\ntransforms = 2\nmixing = "Permutation"\nbase = "ConditionalNormal"\n'
    ),
}


@pytest.mark.parametrize("flow", RESUMED.values(), ids=RESUMED)
@pytest.mark.thorough
def test_resumed_it_is_the_unbroken_run(tmp_path: Path, flow: str) -> None:
    """Buffers that training moves, noise behind the maps, dropout and drawn masks: nothing is lost by a stop."""
    recipe = write_recipe(tmp_path, flow=flow, training=NOISY)
    train_recipe(recipe, tmp_path / "whole")
    for resume, stop in enumerate((1, 3, 4)):
        train_recipe(recipe, tmp_path / "run", resume=resume > 0, on_epoch=Stop(stop))
    assert_same_run(tmp_path / "run", tmp_path / "whole")


@pytest.mark.parametrize("flow", RESUMED.values(), ids=RESUMED)
def test_what_the_recipe_says_is_what_the_flow_has(tmp_path: Path, flow: str) -> None:
    recipe = write_recipe(tmp_path, flow=flow, training="epochs = 1\n")
    train_recipe(recipe, tmp_path / "run")
    loaded = load_checkpoint(tmp_path / "run")
    assert loaded.config.architecture["arguments"] == loaded.flow.arguments
    for key, value in loaded.config.recipe["flow"].items():
        found = loaded.flow.arguments[key]
        if isinstance(value, dict):
            assert value.items() <= found.items()
        elif value == "dependent":
            # What training has chosen: of two features there is one choice, and of mixed ones none.
            assert found == ("dependent" if loaded.flow.arguments["mixing"] else "alternating")
        else:
            assert found == value
    assert f"{next(loaded.flow.parameters()).dtype}" == "torch.float32"


def test_act_norm_starts_from_the_first_training_batch_and_batch_norm_runs_with_all(tmp_path: Path) -> None:
    """At a rate of zero all but, nothing else moves: the first layer's normalised batch has mean 0 and deviation 1."""
    # Couplings of the reference page are not the identity at first, and nothing is whitened.
    reference = 'univariate = "Affine"\nwhiten = false\n'
    still = "epochs = 1\nbatch_size = 1000\nlearning_rate = 1e-30\n"
    data = 'columns = ["price", "fraction"]\nvalidation = 0\nlog = ["price"]\nlogit = { fraction = [0, 1] }\n'
    for kind in ("ActNorm", "BatchNorm"):
        recipe = write_recipe(tmp_path, flow=f'normalization = "{kind}"\n{reference}', training=still, data=data)
        train_recipe(recipe, tmp_path / kind)
    act, batch = (load_checkpoint(tmp_path / kind).flow for kind in ("ActNorm", "BatchNorm"))
    rows = torch.from_numpy(np.stack([graded()["price"], graded()["fraction"]], axis=1)).float()
    latent = act.forward_and_log_det(rows)[0]
    assert all(bool(layer.initialized) for layer in act.modules() if isinstance(layer, ActNorm))
    torch.testing.assert_close(latent.mean(dim=0), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(latent.std(dim=0, correction=0), torch.ones(2), atol=1e-4, rtol=0)
    layers = [layer for layer in batch.modules() if isinstance(layer, BatchNorm)]
    # One step: a tenth of the way from variance 1 to the batch's own, which a coupling has changed.
    assert any(float((layer.variance - 1).abs().max()) > 1e-3 for layer in layers)


def test_columns_that_are_to_stay_as_they_are_are_not_standardised(tmp_path: Path) -> None:
    data = 'columns = ["price", "fraction"]\ncontext = ["angle"]\nas_they_are = ["fraction", "angle"]\nvalidation = 0\n'
    recipe = write_recipe(tmp_path, training="epochs = 1\nbatch_size = 1000\n", data=data)
    train_recipe(recipe, tmp_path / "run")
    flow = load_checkpoint(tmp_path / "run").flow
    price = torch.from_numpy(graded()["price"])
    torch.testing.assert_close(flow.standardize.mean, torch.stack([price.mean(), price.new_zeros(())]).float())
    torch.testing.assert_close(
        flow.standardize.scale, torch.stack([price.std(correction=0), price.new_ones(())]).float()
    )
    assert flow.standardize_context.mean.tolist() == [0]
    assert flow.standardize_context.scale.tolist() == [1]


REFUSED = {
    "univariate": ('univariate = "Nope"', "flow.univariate: 'Nope' is not one of"),
    "univariate's argument": ('univariate = { name = "Affine", bins = 3 }', "flow.univariate: Affine: "),
    "univariate's bins": (
        'univariate = { name = "RationalQuadraticSpline", bins = 1 }',
        "flow.univariate: RationalQuadraticSpline: bins: expected a whole number of at least 2",
    ),
    "masks": ('masks = "odd"', "flow.masks: 'odd' is not one of dependent, alternating, halves, random"),
    "too few masks": ("transforms = 3\nmasks = [[true, false]]", "flow.masks: 1 masks for 3 transforms"),
    "a mask that keeps all": (
        "transforms = 1\nmasks = [[true, true]]",
        "flow.masks: layer 0: must keep a feature and move a feature",
    ),
    "cover": ("cover = false", "flow.cover: False is a choice between random masks"),
    "randmask": ('randmask = true\nmasks = "halves"', "flow.randmask: is masks='random'"),
    "normalization": ('normalization = "LayerNorm"', "flow.normalization: 'LayerNorm' is not one of ActNorm"),
    "mixing": ('mixing = "Glow"', "flow.mixing: 'Glow' is not one of"),
    "residual": ("hidden_features = [8, 4]\nresidual = true", "flow.residual: needs hidden_features of one width"),
    "layer_norm": ("hidden_features = []\nlayer_norm = true", "flow.layer_norm: there is no hidden layer"),
    "another layer_norm": ('layer_norm = "biased"', "'biased' - at `$.flow.layer_norm`"),
    "dropout": ("dropout = 1.0", "`$.flow.dropout`"),
    "base": ('base = "Uniform"', "flow.base: 'Uniform' is not one of"),
    "components": ('base = { name = "GaussianMixture" }', "flow.base: "),
    "bounds": ("bounds = [[0, 1]]", "unknown field `bounds` - at `$.flow`"),
    "categories": ("categories = [3]", "unknown field `categories` - at `$.flow`"),
}


@pytest.mark.parametrize("key", REFUSED)
def test_what_cannot_be_is_refused_by_file_and_key(tmp_path: Path, key: str) -> None:
    flow, message = REFUSED[key]
    recipe = write_recipe(tmp_path, flow=f"{flow}\n")
    with pytest.raises(RecipeError, match=re.escape(message)) as caught:
        train_recipe(recipe, tmp_path / "run")
    assert str(caught.value).startswith(f"{recipe}: ")
    assert not (tmp_path / "run").exists()


COLUMNS = 'columns = ["price", "fraction"]\ncontext = ["cut"]\nweight = "angle"\n'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('as_they_are = ["other"]', "as_they_are: 'other' is neither a feature nor a column of the context"),
        ('log = ["cut"]', "log: 'cut' is not a feature - at `$.data`"),
        ('log = ["angle"]', "log: 'angle' is not a feature"),
        ('log = ["other"]', "log: 'other' is not a feature"),
        ("logit = { other = [0, 1] }", "logit: 'other' is not a feature"),
        ("logit = { price = [1, 1] }", "logit: 'price': 1 is not below 1"),
        ("logit = { price = [0] }", "`$.data.logit[...]`"),
        ("logit = { price = [0, inf] }", "`$.data.logit[...]"),
        ("logit = { price = [0, nan] }", "`$.data.logit[...]"),
        ('log = ["price"]\nlogit = { price = [0, 1] }', "log, logit: 'price' is in both"),
        ('[data.categorical]\nprice = "one-hot"', "categorical: 'price' is not one of the columns in `context`"),
        ('[data.categorical]\ncut = "ordinal"', "'ordinal' - at `$.data.categorical[...]`"),
        ("[data.categorical]\ncut = { embedding = 0 }", "`$.data.categorical[...].embedding`"),
        ("[data.categorical]\ncut = { width = 2 }", "`width`"),
    ],
)
def test_columns_that_cannot_be_mapped_so_are_refused_by_key(tmp_path: Path, data: str, message: str) -> None:
    recipe = write_recipe(tmp_path, data=f"{COLUMNS}{data}\n")
    with pytest.raises(RecipeError, match=re.escape(message)) as caught:
        train_recipe(recipe, tmp_path / "run")
    assert str(caught.value).startswith(f"{recipe}: ")


def test_every_argument_of_the_flow_is_in_the_recipe_or_follows_from_its_data(tmp_path: Path) -> None:
    train_recipe(write_recipe(tmp_path, training="epochs = 1\n"), tmp_path / "run")
    arguments = json.loads((tmp_path / "run" / "config.json").read_text())["architecture"]["arguments"]
    from_data = {"features", "context", "bounds", "categories", "embeddings"}
    assert set(FlowSpec.__struct_fields__) | from_data == set(arguments)
