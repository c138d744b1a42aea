"""Compiled steps: the numbers of the others, resumable, and one line where there is no compiler."""

from pathlib import Path

import numpy as np
import pytest
import torch

import flowexport
from flowexport.errors import ArgumentError, TrainingError
from flowexport.flows import RealNVP
from flowexport.training import compiled, train_recipe
from tests.graded import write_recipe
from tests.reference_page import reference_flow
from tests.training.test_run import Stop, assert_same_run


def small() -> tuple[RealNVP, np.ndarray]:
    torch.manual_seed(0)
    rows = np.random.default_rng(0).normal(size=(200, 2))
    rows[:, 1] += rows[:, 0] ** 2
    return reference_flow(2, transforms=2, hidden_features=(8,)), rows


def test_a_missing_compiler_is_named_before_anything_is_written(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    flow, rows = small()
    with pytest.raises(ArgumentError, match=r"compile: .*no-such-compiler.*CXX, or train without compiling"):
        flowexport.fit(flow, rows, compile=True, epochs=1)
    with pytest.raises(ArgumentError, match="no-such-compiler"):
        train_recipe(write_recipe(tmp_path), tmp_path / "run", compile=True)
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_compiled_is_said_in_one_line(monkeypatch) -> None:
    def failing(graph, inputs):
        raise RuntimeError("the compiler\nfell over")

    as_ever = torch.compile
    monkeypatch.setattr(compiled.torch, "compile", lambda f, **options: as_ever(f, backend=failing, **options))
    monkeypatch.setattr(compiled, "require_compiler", lambda: None)
    flow, rows = small()
    with pytest.raises(TrainingError, match=r"compile: .*train without compiling \(.*the compiler fell over") as found:
        flowexport.fit(flow, rows, compile=True, epochs=1, batch_size=64)
    assert "\n" not in str(found.value)
    torch._dynamo.reset()


@pytest.mark.slow
def test_compiled_training_comes_to_the_same_and_resumes(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    stopped = train_recipe(recipe, tmp_path / "resumed", on_epoch=Stop(1), compile=True)
    assert stopped.interrupted
    train_recipe(recipe, tmp_path / "resumed", resume=True, compile=True)
    whole = train_recipe(recipe, tmp_path / "whole", compile=True)
    assert_same_run(tmp_path / "resumed", tmp_path / "whole")
    plain = train_recipe(recipe, tmp_path / "plain")
    for ours, theirs in zip(whole.epochs, plain.epochs, strict=True):
        assert ours.validation_nll == pytest.approx(theirs.validation_nll, rel=1e-4)
