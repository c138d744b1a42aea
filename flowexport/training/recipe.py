"""Recipes: what to train, on what, and how, as a TOML file."""

from __future__ import annotations

__all__ = ["DataSpec", "Embedding", "ExportSpec", "FlowSpec", "ImageFlowSpec", "Recipe", "TrainingSpec", "load_recipe"]

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from flowexport.bundle.nearest import with_choices
from flowexport.bundle.small import read_small
from flowexport.bundle.toml import require_short_keys
from flowexport.column import Column
from flowexport.errors import RecipeError
from flowexport.flows.defaults import ACTIVATION, HIDDEN_FEATURES, MASKS, TRANSFORMS, UNIVARIATE, WHITEN
from flowexport.flows.images.realnvp import AFFINE
from flowexport.tables import Dialect

RECIPE_BYTES = 1 << 20
"""A recipe larger than this is refused before it is parsed."""

STEPS, LEAST_BATCH, LARGEST_BATCH = 14, 16, 256
"""Steps an epoch where no batch is given, and the bounds of the batch that they make."""

DECAY_OF_A_ROW = 100.0
"""Weight decay times rows, where none is given: 1,000 rows get 0.1, and 100 rows, soon learned by heart, 1."""

Count = Annotated[int, Meta(ge=1)]
Layers = Annotated[int, Meta(ge=1, le=1000)]
Width = Annotated[int, Meta(ge=1, le=1 << 16)]
"""Layers and widths beyond what a flow of one machine has: a mistyped recipe, or one that means harm."""

NotNegative = Annotated[int, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0, le=sys.float_info.max)]
FiniteNotNegative = Annotated[float, Meta(ge=0, le=sys.float_info.max)]
Finite = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
Text = Annotated[str, Meta(min_length=1)]


class Embedding(Struct, forbid_unknown_fields=True, frozen=True):
    """A learned row of numbers for each category.

    Arguments:
        embedding: how many numbers.
    """

    embedding: Width


class DataSpec(Struct, forbid_unknown_fields=True, frozen=True):
    """The ``[data]`` table.

    Arguments:
        file: CSV, TSV, NPY, Parquet or Feather, relative to the recipe; a folder of them, or a list.
        columns: the features; by default every column that is neither context nor weight.
        context: columns that condition the density.
        categorical: those of them that hold categories, texts or whole numbers, and what a category becomes.
        log: features above zero, taken to the whole line by a logarithm.
        logit: features between two bounds, [lower, upper], taken there by a logit.
        as_they_are: features and columns of the context that are not standardised.
        discrete: features of steps, such as whole numbers: training adds noise of a step's width to them.
        weight: a column of row weights, not negative.
        missing: whether rows with missing values, NaN among them, stop the training or are dropped.
        validation: the fraction of rows held out, drawn with the training seed.
        delimiter: of a text table, a character or ``tab``; found in its first lines where it is not given.
        decimal: the decimal sign of a text table, ``.`` or ``,``; found likewise.
        encoding: of a text table, by default UTF-8.
    """

    file: Text | Annotated[list[Text], Meta(min_length=1)]
    columns: list[Text] | None = None
    context: list[Text] = []
    categorical: dict[Text, Literal["one-hot"] | Embedding] = {}
    log: list[Text] = []
    logit: dict[Text, tuple[Finite, Finite]] = {}
    as_they_are: list[Text] = []
    discrete: list[Text] = []
    weight: Text | None = None
    missing: Literal["refuse", "drop"] = "refuse"
    validation: Annotated[float, Meta(ge=0, lt=1)] = 0.1
    delimiter: Text | None = None
    decimal: Literal[".", ","] | None = None
    encoding: Text | None = None

    def __post_init__(self) -> None:
        assert self.dialect
        for name in self.categorical:
            if name not in self.context:
                raise ValueError(f"categorical: {name!r} is not one of the columns in `context`")
        for key, names in (("log", self.log), ("logit", self.logit), ("discrete", self.discrete)):
            for name in names:
                if name in (*self.context, self.weight) or (self.columns is not None and name not in self.columns):
                    raise ValueError(f"{key}: {name!r} is not a feature")
        for name in self.as_they_are:
            if name == self.weight or (self.columns is not None and name not in (*self.columns, *self.context)):
                raise ValueError(f"as_they_are: {name!r} is neither a feature nor a column of the context")
        for name, (lower, upper) in self.logit.items():
            if name in self.log:
                raise ValueError(f"log, logit: {name!r} is in both; a column has one map")
            if not lower < upper:
                raise ValueError(f"logit: {name!r}: {lower:g} is not below {upper:g}")

    @property
    def files(self) -> list[str]:
        """The files and folders of rows."""
        return [self.file] if isinstance(self.file, str) else self.file

    @property
    def dialect(self) -> Dialect:
        """How text tables are written."""
        return Dialect(self.delimiter, self.decimal, self.encoding)

    def column(self, name: str) -> Column:
        """A column as these keys have it; what its categories and its steps are is found in the rows."""
        kind = self.categorical.get(name)
        return Column(
            name,
            embedding=kind.embedding if isinstance(kind, Embedding) else 0,
            bounds=(0.0, None) if name in self.log else self.logit.get(name, (None, None)),
            standardised=name not in self.as_they_are,
        )


class FlowSpec(Struct, forbid_unknown_fields=True, frozen=True):
    """The ``[flow]`` table: the arguments of `flowexport.RealNVP`, but for those that follow from ``[data]``."""

    transforms: Layers = TRANSFORMS
    randmask: bool = False
    hidden_features: Annotated[list[Width], Meta(max_length=100)] = field(default_factory=lambda: list(HIDDEN_FEATURES))
    activation: str = ACTIVATION
    univariate: str | dict[str, object] = field(default_factory=lambda: dict(UNIVARIATE))
    masks: str | list[list[bool]] = MASKS
    cover: bool = True
    normalization: str | None = None
    mixing: str | None = None
    scaling: bool = False
    residual: bool = False
    layer_norm: bool | Literal["unbiased"] = False
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    base: str | dict[str, object] = "StandardNormal"
    whiten: bool = WHITEN


class ImageFlowSpec(Struct, forbid_unknown_fields=True, frozen=True):
    """The ``[image_flow]`` table, in place of ``[flow]``: the arguments of `flowexport.MultiScaleRealNVP`."""

    shape: tuple[Width, Width, Width]
    levels: Count = 256
    alpha: float = 0.05
    scales: Annotated[int, Meta(ge=1, le=16)] = 2
    couplings: Layers = 3
    hidden_channels: Width = 32
    residual_blocks: Annotated[int, Meta(ge=0, le=1000)] = 2
    activation: str = "ReLU"
    batch_norm: bool = False
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    univariate: str | dict[str, object] = field(default_factory=lambda: dict(AFFINE))
    normalization: str | None = "ActNorm"
    mixing: str | None = None


class TrainingSpec(Struct, forbid_unknown_fields=True, frozen=True):
    """The ``[training]`` table, and the keyword arguments of `flowexport.fit`.

    Arguments:
        optimizer: Adam, or AdamW with decoupled weight decay.
        learning_rate: at the start, after the warm-up.
        weight_decay: as the optimiser defines it; by default of AdamW 100 over the number of rows, as a prior on
            weights would have it, of Adam none.
        schedule: of the learning rate: constant, or a cosine down to zero over all epochs.
        warmup_epochs: epochs over which the learning rate rises linearly from zero.
        epochs: passes over the training rows.
        batch_size: rows a step; by default a fourteenth of the rows, but at least 16 and at most 256: few rows need
            many steps more than they need quiet ones.
        patience: epochs without a better held-out NLL after which to stop; 0 never stops.
        average: decay, a step, of the exponential average of the weights, which is what is judged and kept; it takes
            the noise of steps out of them. 0 keeps the weights of the last step.
        clip: the largest norm of the gradient; 0 does not clip.
        noise: standard deviation of normal noise added to the standardised features in training, behind a log or
            logit map, a regulariser for small data; 0 adds none.
        seed: of the split, the initial weights, the order of rows and the noise.
        dtype: what weights and rows are in training; by default what the flow is, float32 where it is new. Numbers that
            float32 takes for one another, such as seconds of a year, need float64, and so does their export.
    """

    optimizer: Literal["adam", "adamw"] = "adamw"
    learning_rate: Positive = 6e-3
    weight_decay: FiniteNotNegative | None = None
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_epochs: FiniteNotNegative = 0.0
    epochs: Count = 50
    batch_size: Count | None = None
    patience: NotNegative = 15
    average: Annotated[float, Meta(ge=0, lt=1)] = 0.98
    clip: FiniteNotNegative = 50.0
    noise: FiniteNotNegative = 0.0
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    dtype: Literal["float32", "float64"] | None = None

    def rows_a_step(self, rows: int) -> int:
        """The size of a batch, for so many training rows."""
        return self.batch_size or max(LEAST_BATCH, min(LARGEST_BATCH, rows // STEPS))

    def decay(self, rows: int) -> float:
        """The weight decay, for so many training rows."""
        if self.weight_decay is None:
            return DECAY_OF_A_ROW / rows if self.optimizer == "adamw" else 0.0
        return self.weight_decay


class ExportSpec(Struct, forbid_unknown_fields=True, frozen=True):
    """The ``[export]`` table.

    Arguments:
        golden: whether the golden rows of a bundle are held-out rows of the data, or samples, which give none away.
    """

    golden: Literal["data", "samples"] = "data"


class Recipe(Struct, forbid_unknown_fields=True, frozen=True):
    """A whole recipe."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    data: DataSpec
    description: str = ""
    flow: FlowSpec = field(default_factory=FlowSpec)
    image_flow: ImageFlowSpec | None = None
    training: TrainingSpec = field(default_factory=TrainingSpec)
    export: ExportSpec = field(default_factory=ExportSpec)

    def __post_init__(self) -> None:
        if self.image_flow is None:
            return
        if self.flow != FlowSpec():
            raise ValueError("image_flow: a recipe has one flow; leave out `flow`")
        if self.data.log or self.data.logit:
            raise ValueError("image_flow: pixels have a logit map already; leave out `data.log` and `data.logit`")
        if self.data.discrete:
            raise ValueError("image_flow: pixels get uniform noise already; leave out `data.discrete`")
        if self.training.noise:
            raise ValueError("image_flow: pixels get uniform noise and no other; leave out `training.noise`")


def load_recipe(path: str | os.PathLike[str]) -> Recipe:
    """Reads a recipe.

    Raises:
        RecipeError: naming the file, the key and what was expected of it.
    """
    path = Path(path)
    try:
        text = read_small(path, RECIPE_BYTES, RecipeError).decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(f"is not UTF-8 text (byte {error.start})", file=path) from error
    if text.startswith("\ufeff"):
        raise RecipeError("begins with a byte order mark; save it as UTF-8 without one", file=path)
    try:
        require_short_keys(text)
        return msgspec.toml.decode(text, type=Recipe)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:  # tomllib lets the last two through
        raise RecipeError(with_choices(str(error), Recipe), file=path) from error
