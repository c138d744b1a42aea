"""Errors carry their parts; the message is made of them, and a layer that knows more adds a part."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import flowexport
from flowexport.errors import (
    BundleError,
    CheckFailed,
    DataError,
    FlowExportError,
    InputError,
    MissingExtra,
    RecipeError,
)
from flowexport.serving.refusal import refusal_of
from tests.conftest import Exported


def test_the_message_is_made_of_the_parts() -> None:
    error = BundleError("is 3", file=Path("a") / "flow.json", key="scale", row="row 2", cure="export again")
    assert str(error) == f"{Path('a') / 'flow.json'}: scale: row 2: is 3; export again"
    assert str(FlowExportError("that")) == "that"


def test_another_layer_adds_parts_and_keeps_those_that_are_there() -> None:
    inner = InputError("wrong_shape", "expected 3", key="hidden", cure="say 3")
    outer = inner.told(RecipeError, file="recipe.toml", key=inner.within("flow"))
    assert type(outer) is RecipeError
    assert str(outer) == "recipe.toml: flow.hidden: expected 3; say 3"
    assert outer.code == "wrong_recipe"
    assert str(outer.told(DataError, file="other")) == "recipe.toml: flow.hidden: expected 3; say 3"
    assert FlowExportError("that").within("flow") == "flow"


@pytest.mark.parametrize(
    "error",
    [
        InputError("missing_context", "needs 2", key="context"),
        CheckFailed("off", report=3, file="bundle"),
        MissingExtra("torch"),
        BundleError("bad", file="f", key="k", row="row 1", cure="c"),
    ],
)
def test_a_pickled_error_has_all_of_them(error: FlowExportError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), vars(again), again.code) == (str(error), vars(error), error.code)


def test_what_a_caller_gets_has_the_key_and_the_file(plain: Exported, tmp_path: Path) -> None:
    model = flowexport.load(plain.path, device="cpu")
    with pytest.raises(InputError) as wrong:
        model.log_prob(np.zeros((1, 3)))
    assert (wrong.value.code, wrong.value.key, wrong.value.what) == (
        "wrong_shape",
        "x",
        "expected shape [*, 2], got [1, 3]",
    )
    with pytest.raises(BundleError) as missing:
        flowexport.load(tmp_path)
    assert missing.value.file == str(tmp_path / "flow.json")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InputError("wrong_shape", "expected 2", key="x"), 400, "wrong_shape"),
        (flowexport.FlowExportError("broken"), 500, "fault"),
        (BundleError("broken", file="f"), 500, "wrong_bundle"),
        (ZeroDivisionError("broken"), 500, "fault"),
    ],
)
def test_a_server_answers_with_the_code(error: Exception, status: int, code: str) -> None:
    refusal = refusal_of(error)
    assert (refusal.status, refusal.fields()["code"]) == (status, code)
