"""Recipes: what to train, on what, and how, as a TOML file."""

from __future__ import annotations

__all__ = ["DataSpec", "FlowSpec", "Recipe", "TrainingSpec", "load_recipe"]

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from flowexport.errors import RecipeError

RECIPE_BYTES = 1 << 20
"""A recipe larger than this is refused before it is parsed."""

Count = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0, le=sys.float_info.max)]
FiniteNotNegative = Annotated[float, Meta(ge=0, le=sys.float_info.max)]
Text = Annotated[str, Meta(min_length=1)]


class DataSpec(Struct, forbid_unknown_fields=True, frozen=True):
    """The ``[data]`` table.

    Arguments:
        file: CSV, NPY or Parquet, relative to the recipe.
        columns: the features; by default every column that is neither context nor weight.
        context: columns that condition the density.
        weight: a column of row weights, not negative.
        missing: whether rows with missing values stop the training or are dropped.
        validation: the fraction of rows held out, drawn with the training seed.
    """

    file: Text
    columns: list[Text] | None = None
    context: list[Text] = []
    weight: Text | None = None
    missing: Literal["refuse", "drop"] = "refuse"
    validation: Annotated[float, Meta(ge=0, lt=1)] = 0.1


class FlowSpec(Struct, forbid_unknown_fields=True, frozen=True):
    """The ``[flow]`` table: the arguments of `flowexport.RealNVP`."""

    transforms: Count = 5
    randmask: bool = False
    hidden_features: list[Count] = field(default_factory=lambda: [64, 64])
    activation: str = "ReLU"
    univariate: str = "Affine"


class TrainingSpec(Struct, forbid_unknown_fields=True, frozen=True):
    """The ``[training]`` table, and the keyword arguments of `flowexport.fit`.

    Arguments:
        optimizer: Adam, or AdamW with decoupled weight decay.
        learning_rate: at the start, after the warm-up.
        weight_decay: as the optimiser defines it.
        schedule: of the learning rate: constant, or a cosine down to zero over all epochs.
        warmup_epochs: epochs over which the learning rate rises linearly from zero.
        epochs: passes over the training rows.
        batch_size: rows a step.
        patience: epochs without a better held-out NLL after which to stop; 0 never stops.
        clip: the largest norm of the gradient; 0 does not clip.
        noise: standard deviation of normal noise added to the standardised features in training, a
            regulariser for small data; 0 adds none.
        seed: of the split, the initial weights, the order of rows and the noise.
    """

    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: Positive = 1e-3
    weight_decay: FiniteNotNegative = 0.0
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_epochs: FiniteNotNegative = 0.0
    epochs: Count = 100
    batch_size: Count = 256
    patience: NotNegative = 0
    clip: FiniteNotNegative = 5.0
    noise: FiniteNotNegative = 0.0
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


class Recipe(Struct, forbid_unknown_fields=True, frozen=True):
    """A whole recipe."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    data: DataSpec
    description: str = ""
    flow: FlowSpec = field(default_factory=FlowSpec)
    training: TrainingSpec = field(default_factory=TrainingSpec)


def load_recipe(path: str | os.PathLike[str]) -> Recipe:
    """Reads a recipe.

    Raises:
        RecipeError: naming the file, the key and what was expected of it.
    """
    path = Path(path)
    try:
        if path.stat().st_size > RECIPE_BYTES:
            raise RecipeError(f"{path}: larger than {RECIPE_BYTES} bytes, which no recipe is")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: is not UTF-8 text (byte {error.start})") from error
    try:
        return msgspec.toml.decode(text, type=Recipe)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:  # tomllib lets the last two through
        raise RecipeError(f"{path}: {error}") from error
