"""A run folder is read back to the flow that was trained, or refused by file and key."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from flowexport.errors import CheckpointError
from flowexport.training import checkpoint, load_checkpoint, run, train_recipe
from flowexport.training.epoch import log_prob_of


def test_checkpoint_gives_the_numbers_of_the_trained_flow(tmp_path, write_recipe, monkeypatch):
    trained, new_flow = [], run.new_flow
    monkeypatch.setattr(run, "new_flow", lambda *arguments: trained.append(new_flow(*arguments)) or trained[0])
    outcome = train_recipe(write_recipe(data={"context": ["x2"]}), tmp_path / "run")
    assert outcome.best_epoch == len(outcome.epochs)  # so that what training ended with is what it kept
    x, context = torch.randn(50, 2), torch.randn(50, 1)
    expected = trained[0].eval()(context).log_prob(x)
    assert torch.equal(load_checkpoint(tmp_path / "run").flow(context).log_prob(x), expected)


@pytest.mark.thorough
@pytest.mark.parametrize("columns", [["x1"], ["x0", "x1"]], ids=["one feature", "two features"])
@pytest.mark.parametrize("context", [[], ["x2"]], ids=["no context", "context"])
@pytest.mark.parametrize("randmask", [False, True])
def test_every_architecture_comes_back(tmp_path, write_recipe, monkeypatch, columns, context, randmask):
    trained, new_flow = [], run.new_flow
    monkeypatch.setattr(run, "new_flow", lambda *arguments: trained.append(new_flow(*arguments)) or trained[0])
    recipe = write_recipe(
        data={"columns": columns, "context": context}, flow={"randmask": randmask, "hidden_features": [64, 64]}
    )
    train_recipe(recipe, tmp_path / "run")
    loaded = load_checkpoint(tmp_path / "run")
    expected = log_prob_of(trained[0], loaded.x, loaded.context)
    assert torch.equal(log_prob_of(loaded.flow, loaded.x, loaded.context), expected)


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cut(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-100])


def edit(*keys: str, to: object) -> Callable[[Path], None]:
    """Another value of a key of config.json."""

    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        inner = config
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = to
        (folder / "config.json").write_text(json.dumps(config))

    return change


def tensors(name: str, change: Callable[[dict], object]) -> Callable[[Path], None]:
    """Other tensors in a safetensors file."""

    def rewrite(folder: Path) -> None:
        content = load_file(folder / name)
        change(content)
        save_file(content, folder / name)

    return rewrite


def write(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(data)


def replace(old: bytes, new: bytes) -> Callable[[Path], None]:
    """Other bytes in config.json."""

    def change(folder: Path) -> None:
        data = (folder / "config.json").read_bytes()
        assert old in data
        (folder / "config.json").write_bytes(data.replace(old, new, 1))

    return change


ARGUMENTS = ("architecture", "arguments")

FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, r"config\.json: cannot be read"),
    "no config": (remove("config.json"), r"config\.json: cannot be read .*; is this a run folder\?"),
    "no weights": (remove("model.safetensors"), r"model\.safetensors: cannot be read"),
    "config cut": (cut("config.json"), r"config\.json: "),
    "config is no JSON": (write("config.json", b"\xff"), r"config\.json: "),
    "config is a list": (write("config.json", b"[]"), r"config\.json: "),
    "config is huge": (write("config.json", b" " * (checkpoint.CONFIG_BYTES + 1)), r"config\.json: larger than"),
    "config is nested": (write("config.json", b"[" * 1_000_000), r"config\.json: "),
    "recipe is nested": (replace(b'"recipe": {', b'"recipe": {"a": ' + b"[" * 1_000_000), r"config\.json: .*recursion"),
    "a name that is no UTF-8": (replace(b'"x0"', b'"\xff"'), r"config\.json: .*(utf|UTF)-8"),
    "other format": (edit("format", to="onnx"), r"format: expected 'flowexport-run/1', got 'onnx'"),
    "newer format": (edit("format", to="flowexport-run/2"), r"format: expected 'flowexport-run/1'"),
    "format of a wrong type": (edit("format", to=1), r"config\.json: .*`\$\.format`"),
    "weights cut": (cut("model.safetensors"), r"model\.safetensors: not a safetensors file"),
    "weights empty": (write("model.safetensors", b""), r"model\.safetensors: not a safetensors file"),
    "weights are a pickle": (
        write("model.safetensors", pickle.dumps({"w": [0.0] * 100})),
        r"model\.safetensors: not a safetensors file",
    ),
    "a tensor too few": (
        tensors("model.safetensors", lambda t: t.pop("standardize.mean")),
        r"model\.safetensors: does not fit the architecture: .*standardize\.mean",
    ),
    "a tensor too many": (
        tensors("model.safetensors", lambda t: t.update(extra=torch.zeros(1))),
        r"model\.safetensors: does not fit the architecture: .*extra",
    ),
    "a tensor of another shape": (
        tensors("model.safetensors", lambda t: t.update({"standardize.mean": torch.zeros(7)})),
        r"model\.safetensors: does not fit the architecture: .*standardize\.mean",
    ),
    "other widths": (edit(*ARGUMENTS, "hidden_features", to=[9]), "does not fit the architecture"),
    "other masks": (edit(*ARGUMENTS, "randmask", to=True), "does not fit the architecture"),
    "features do not fit": (edit("features", to=["a", "b", "c"]), "features, context_features: do not fit"),
    "context does not fit": (edit("context_features", to=[]), "features, context_features: do not fit"),
    "unknown flow": (edit("architecture", "flow", to="MAF"), "architecture: flow: 'MAF'"),
    "flow of a wrong type": (edit("architecture", "flow", to=["RealNVP"]), "architecture: "),
    "unknown argument": (edit(*ARGUMENTS, "colour", to=1), "architecture: .*colour"),
    "unknown activation": (edit(*ARGUMENTS, "activation", to="Nope"), "architecture: activation: 'Nope'"),
    "no features": (edit(*ARGUMENTS, "features", to=0), "architecture: features: "),
    "no arguments": (edit("architecture", to={"flow": "RealNVP"}), "architecture: arguments"),
    "a billion features": (edit(*ARGUMENTS, "features", to=10**9), "architecture: much larger than"),
    "a billion layers": (edit(*ARGUMENTS, "transforms", to=10**9), "architecture: much larger than"),
    "a billion contexts": (edit(*ARGUMENTS, "context", to=10**9), "architecture: much larger than"),
    "a billion units": (edit(*ARGUMENTS, "hidden_features", to=[10**9]), "architecture: much larger than"),
    "a million weights": (edit(*ARGUMENTS, "hidden_features", to=[100, 100]), "does not fit the architecture"),
    "many hidden layers": (edit(*ARGUMENTS, "hidden_features", to=[1] * 100_000), "architecture: much larger than"),
    "large layers many times": (
        lambda folder: (
            edit(*ARGUMENTS, "hidden_features", to=[60])(folder),
            edit(*ARGUMENTS, "transforms", to=60)(folder),
        ),
        "does not fit the architecture",
    ),
    "a dropout beyond all numbers": (edit(*ARGUMENTS, "dropout", to=10**400), "architecture: dropout: "),
    "a bound beyond all numbers": (
        edit(*ARGUMENTS, "bounds", to=[[10**400, None], [None, None]]),
        "architecture: bounds: expected pairs",
    ),
    "a univariate map with a list for a name": (
        edit(*ARGUMENTS, "univariate", to={"name": ["Affine"]}),
        r"architecture: univariate: \['Affine'\] is not one of",
    ),
    "a million bins": (
        edit(*ARGUMENTS, "univariate", to={"name": "RationalQuadraticSpline", "bins": 10**6, "slope": 1e-9}),
        "architecture: much larger than",
    ),
    "a million categories": (edit(*ARGUMENTS, "categories", to=[10**6]), "does not fit the architecture"),
    "a million components": (
        edit(*ARGUMENTS, "base", to={"name": "GaussianMixture", "components": 10**6}),
        "does not fit the architecture",
    ),
    "rows of another width": (
        tensors("rows.safetensors", lambda t: t.update(x=torch.zeros(4, 9))),
        r"rows\.safetensors: x: expected \[rows, 2\], got \[4, 9\]",
    ),
    "rows on three axes": (
        tensors("rows.safetensors", lambda t: t.update(context=torch.zeros(4, 1, 1))),
        r"rows\.safetensors: context: expected",
    ),
    "weights behind a hole of a terabyte": (
        lambda folder: os.truncate(folder / "model.safetensors", 1 << 40),
        r"model\.safetensors: not a safetensors file \(1099511627776 bytes",
    ),
    "rows behind a hole of a terabyte": (
        lambda folder: os.truncate(folder / "rows.safetensors", 1 << 40),
        r"rows\.safetensors: not a safetensors file \(1099511627776 bytes",
    ),
    "a header of lists": (
        write("model.safetensors", (2).to_bytes(8, "little") + b"[]"),
        r"model\.safetensors: not a safetensors file",
    ),
    "rows cut": (cut("rows.safetensors"), r"rows\.safetensors: not a safetensors file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_checkpoint_at_fault_is_refused_by_name(unbroken, fault):
    _, whole = unbroken
    load_checkpoint(whole)
    plant, message = FAULTS[fault]
    plant(whole)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(whole)
    assert str(caught.value).startswith(str(whole))
    assert "\n" not in str(caught.value)


def test_checkpoint_never_unpickles(unbroken):
    _, whole = unbroken

    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("a pickle was run",)

    for name in ("model.safetensors", "rows.safetensors", "config.json"):
        (whole / name).write_bytes(pickle.dumps(Bomb()))
        with pytest.raises(CheckpointError):
            load_checkpoint(whole)
