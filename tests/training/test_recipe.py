"""A recipe is read whole or refused by file and key."""

import re

import pytest

from flowexport.errors import FlowExportError, RecipeError
from flowexport.training import TrainingSpec, load_recipe, train_recipe
from flowexport.training.recipe import RECIPE_BYTES

SMALLEST = 'name = "a"\n[data]\nfile = "rows.csv"\n'


def test_the_smallest_recipe_has_the_documented_defaults(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(SMALLEST)
    recipe = load_recipe(path)
    assert (recipe.name, recipe.data.file, recipe.data.validation) == ("a", "rows.csv", 0.1)
    assert recipe.data.columns is None
    assert (recipe.flow.transforms, recipe.flow.hidden_features, recipe.flow.activation) == (4, [32, 32], "SiLU")
    assert recipe.training == TrainingSpec()
    assert (recipe.training.optimizer, recipe.training.epochs, recipe.training.clip) == ("adamw", 50, 50.0)


def test_every_key_is_read(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(
        'name = "all-keys_1.0"\ndescription = "x"\n'
        '[data]\nfile = "f.npy"\ncolumns = ["x1"]\ncontext = ["x0"]\nweight = "x2"\nmissing = "drop"\nvalidation = 0\n'
        '[flow]\ntransforms = 2\nrandmask = true\nhidden_features = []\nactivation = "Tanh"\nunivariate = "Affine"\n'
        '[training]\noptimizer = "adamw"\nlearning_rate = 1\nweight_decay = 0.1\nschedule = "constant"\n'
        "warmup_epochs = 0.5\nepochs = 7\nbatch_size = 8\npatience = 9\nclip = 0\nnoise = 0.2\nseed = 10\n"
    )
    recipe = load_recipe(path)
    assert recipe.data.columns == ["x1"]
    assert (recipe.data.context, recipe.data.weight, recipe.data.missing) == (["x0"], "x2", "drop")
    assert (recipe.flow.transforms, recipe.flow.randmask, recipe.flow.hidden_features) == (2, True, [])
    assert recipe.training == TrainingSpec(
        optimizer="adamw",
        learning_rate=1,
        weight_decay=0.1,
        schedule="constant",
        warmup_epochs=0.5,
        epochs=7,
        batch_size=8,
        patience=9,
        clip=0,
        noise=0.2,
        seed=10,
    )


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (SMALLEST + "colour = 1\n", "`colour` - at `$.data`"),
        ("colour = 1\n" + SMALLEST, "`colour`"),
        (SMALLEST + "[training]\nlr = 1\n", "`lr` - at `$.training`"),
        (SMALLEST + "[flow]\nlayers = 1\n", "`layers` - at `$.flow`"),
        (SMALLEST + "[optimiser]\n", "`optimiser`"),
        ('name = "a"\n', "`data`"),
        ("[data]\nfile = 'f.csv'\n", "`name`"),
        ("name = 'a'\n[data]\n", "`file` - at `$.data`"),
        ("name = 'a'\n[data]\nfile = ''\n", "`$.data.file`"),
        ("name = 3\n[data]\nfile = 'f.csv'\n", "`$.name`"),
        ("name = '../up'\n[data]\nfile = 'f.csv'\n", "`$.name`"),
        (SMALLEST + "columns = 'x0'\n", "`$.data.columns`"),
        (SMALLEST + "columns = [1]\n", "`$.data.columns[0]`"),
        (SMALLEST + "missing = 'ignore'\n", "`$.data.missing`"),
        (SMALLEST + "validation = 1.0\n", "`$.data.validation`"),
        (SMALLEST + "validation = -0.1\n", "`$.data.validation`"),
        (SMALLEST + "[flow]\ntransforms = 0\n", "`$.flow.transforms`"),
        (SMALLEST + "[flow]\ntransforms = true\n", "`$.flow.transforms`"),
        (SMALLEST + "[flow]\nhidden_features = [8, 0]\n", "`$.flow.hidden_features[1]`"),
        (SMALLEST + "[flow]\nhidden_features = 8\n", "`$.flow.hidden_features`"),
        (SMALLEST + "[flow]\nrandmask = 1\n", "`$.flow.randmask`"),
        (SMALLEST + "[training]\noptimizer = 'sgd'\n", "`$.training.optimizer`"),
        (SMALLEST + "[training]\nschedule = 'linear'\n", "`$.training.schedule`"),
        (SMALLEST + "[training]\nlearning_rate = 0\n", "`$.training.learning_rate`"),
        (SMALLEST + "[training]\nlearning_rate = nan\n", "`$.training.learning_rate`"),
        (SMALLEST + "[training]\nlearning_rate = '1e-3'\n", "`$.training.learning_rate`"),
        (SMALLEST + "[training]\nweight_decay = -1\n", "`$.training.weight_decay`"),
        (SMALLEST + "[training]\nepochs = 0\n", "`$.training.epochs`"),
        (SMALLEST + "[training]\nepochs = 1.5\n", "`$.training.epochs`"),
        (SMALLEST + "[training]\nbatch_size = 0\n", "`$.training.batch_size`"),
        (SMALLEST + "[training]\npatience = -1\n", "`$.training.patience`"),
        (SMALLEST + "[training]\nclip = -1\n", "`$.training.clip`"),
        (SMALLEST + "[training]\nnoise = -0.1\n", "`$.training.noise`"),
        (SMALLEST + "[training]\nwarmup_epochs = -1\n", "`$.training.warmup_epochs`"),
        (SMALLEST + "[training]\nseed = -1\n", "`$.training.seed`"),
    ],
    ids=lambda value: value.removeprefix(SMALLEST).strip().replace("\n", " "),
)
def test_error_names_file_and_key(tmp_path, text, key):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=re.escape(key)) as caught:
        load_recipe(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name = \n", "line 1"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b"", "`name`"),
        (b"a = " + b"[" * 100_000, "recursion"),
        (b"a = " + b"9" * 5000, "digits"),
        (b"#" * (RECIPE_BYTES + 1), "larger than"),
        (None, "cannot be read"),
    ],
    ids=["no TOML", "no text", "empty", "nested", "a number of 5,000 digits", "huge", "absent"],
)
def test_unreadable_recipe(tmp_path, content, message):
    path = tmp_path / "recipe.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecipeError, match=message) as caught:
        load_recipe(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("section", "key"), [({"activation": "Nope"}, "activation"), ({"univariate": "Nope"}, "univariate")]
)
def test_names_that_only_the_flow_knows_are_refused_before_anything_is_written(tmp_path, write_recipe, section, key):
    recipe = write_recipe(flow=section)
    with pytest.raises(FlowExportError, match=f"{key}: 'Nope' is not one of"):
        train_recipe(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("[training]\nlearning_rat = 1.0", "did you mean learning_rate?"),
        ("[flow]\nhiden_features = [8]", "did you mean hidden_features?"),
        ("[data.categorical]\na = { embeding = 3 }", "did you mean embedding?"),
        ("[zzz]", "there are name, data, description, flow, image_flow, training, export"),
        ('[training]\noptimizer = "sgd"', "one of 'adam', 'adamw'"),
        ('[data.categorical]\na = "onehot"', "one of 'one-hot'"),
    ],
)
def test_an_unknown_key_gets_the_nearest_and_a_wrong_value_those_that_there_are(tmp_path, lines, words):
    (tmp_path / "recipe.toml").write_text(f'name = "a"\n[data]\nfile = "rows.csv"\ncontext = ["a"]\n{lines}\n')
    with pytest.raises(RecipeError, match=r"recipe\.toml: .*" + re.escape(words)):
        load_recipe(tmp_path / "recipe.toml")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xef\xbb\xbfname = 'a'", "begins with a byte order mark; save it as UTF-8 without one"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a pointer of Git LFS.*git lfs pull"),
        ("name = 'a'\n# größe".encode("latin-1"), "is not UTF-8 text"),
    ],
)
def test_a_recipe_that_is_no_plain_text_is_named_as_what_it_is(tmp_path, data, words):
    (tmp_path / "recipe.toml").write_bytes(data)
    with pytest.raises(RecipeError, match=r"recipe\.toml: " + words):
        load_recipe(tmp_path / "recipe.toml")
