"""``flow.json``: one schema, the source of the checks, of what export writes, and of the JSON Schema."""

from __future__ import annotations

__all__ = [
    "FORMAT",
    "Case",
    "ContextFeature",
    "Dtype",
    "Figure",
    "Golden",
    "GraphName",
    "GraphSpec",
    "Manifest",
    "NoiseSpec",
    "Quality",
    "Reference",
    "TensorSpec",
    "Tolerance",
    "decode_manifest",
    "encode_manifest",
    "json_schema",
]

import inspect
import math
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from flowexport.column import Column, features_of, numbered
from flowexport.errors import BundleError

from .consistency import inconsistency
from .json import Json, decode_json
from .nearest import with_choices
from .text import FILE_NAME

FORMAT = "flowexport/1"
"""The format that this package reads and writes. A changed meaning is another number."""

Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
NotNegative = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Category = Annotated[str, Meta(min_length=1, max_length=255)]
FileName = Annotated[str, Meta(min_length=1, max_length=255, extra_json_schema={"pattern": FILE_NAME})]
GraphName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Dtype = Literal["float32", "float64"]


class ContextFeature(Struct, frozen=True, omit_defaults=True):
    """A column of the context: a number, or the code 0, 1, … of one of its categories."""

    name: str
    categories: Annotated[list[Category], Meta(min_length=1)] | None = None


class TensorSpec(Struct, frozen=True):
    """An input or output of a graph; the first axis is the name ``batch``, the others are numbers."""

    name: str
    dtype: Dtype
    shape: Annotated[list[int | str], Meta(min_length=1, max_length=4)]


class GraphSpec(Struct, frozen=True):
    """One ONNX file.

    ``widest`` is how many numbers of a row the largest result of an operator has, ``between`` how many all have but the
    last: what a runtime chooses its blocks by.
    """

    file: FileName
    opset: Count
    inputs: Annotated[list[TensorSpec], Meta(min_length=1, max_length=2)]
    outputs: Annotated[list[TensorSpec], Meta(min_length=1, max_length=1)]
    widest: Count | UnsetType = UNSET
    between: NotNegative | UnsetType = UNSET


class Tolerance(Struct, frozen=True):
    """|Δ| ≤ atol + rtol · |reference|; for samples atol is in units of ``scale``."""

    atol: Annotated[float, Meta(ge=0)]
    rtol: Annotated[float, Meta(ge=0)]


class Reference(Struct, frozen=True):
    """The distribution of log_prob on data, which turns a score into a percentile.

    ``lowest`` holds the lowest scores, ascending, up to the first that is not below the first per cent.
    """

    rows: Count
    log_prob_quantiles: Annotated[list[float], Meta(min_length=101, max_length=101)]
    lowest: Annotated[list[float], Meta(min_length=1, max_length=100_000)] | UnsetType = UNSET


class Quality(Struct, frozen=True, omit_defaults=True):
    """How good the model is on rows, in nats a row and in the units of the data."""

    judged_on: Literal["held-out rows", "training rows", "given rows"]
    rows: Count
    nll: float
    standard_error: Annotated[float, Meta(ge=0)] | None = None
    training_rows: Count | None = None
    gaussian_nll: float | None = None
    gaussian_fitted_on: Literal["training rows", "folds"] | None = None
    ranges: list[tuple[float, float]] | None = None


class Case(Struct, frozen=True, omit_defaults=True):
    """A golden case: rows of the inputs, and either what is expected of them or the error that they must give.

    ``rounding`` is how far float32 alone may take each expected number from what it is.
    """

    name: str
    graph: GraphName
    inputs: dict[str, FileName]
    expected: dict[str, FileName] | None = None
    rounding: dict[str, FileName] | None = None
    rows: Annotated[list[NotNegative], Meta(min_length=2, max_length=2)] | None = None
    error: Literal["wrong_shape", "missing_context", "wrong_dtype"] | None = None


class NoiseSpec(Struct, frozen=True):
    """Normals number ``start`` onwards of a seed, a decimal string, since 64 bits do not fit every number."""

    seed: Annotated[str, Meta(pattern=r"^[0-9]{1,20}$")]
    start: Annotated[int, Meta(ge=0)]
    file: FileName


class Golden(Struct, frozen=True):
    """Reference inputs and float64 outputs of the trained model.

    ``log_prob_of_sample`` is there where the bundle holds both directions.
    """

    cases: Annotated[list[Case], Meta(max_length=1000)]
    log_prob_of_sample: FileName | UnsetType = UNSET
    noise: Annotated[list[NoiseSpec], Meta(max_length=100)] = []
    rows_of: Literal["data", "samples"] | UnsetType = UNSET
    log_prob_of_sample_rounding: FileName | UnsetType = UNSET


class Figure(Struct, frozen=True, omit_defaults=True):
    """What one check found when the bundle was made, and what it may be at most (nothing, where only reported)."""

    check: str
    subject: str
    figure: Annotated[float, Meta(ge=0)]
    bound: Annotated[float, Meta(ge=0)] | None = None


class Manifest(Struct, frozen=True):
    """``flow.json``, whole.

    ``graphs`` holds ``log_prob``, ``sample``, or both, and may hold further ones; ``tolerance`` is the bound that each
    was verified with, and a reader takes the smaller of that and its own.
    """

    format: str
    name: str
    description: str
    dtype: Dtype
    event_shape: Annotated[list[Count], Meta(min_length=1, max_length=3)]
    latent_size: Count
    context_size: NotNegative
    features: list[str] | None
    context_features: list[ContextFeature] | None
    architecture: dict[str, Any]
    graphs: Annotated[dict[GraphName, GraphSpec], Meta(min_length=1)]
    files: dict[FileName, Sha256]
    tolerance: dict[GraphName, Tolerance]
    scale: list[float]
    reference: Reference | None
    golden: Golden
    provenance: dict[str, str]
    levels: Count | UnsetType = UNSET
    selector: bool | UnsetType = UNSET
    verified: list[Figure] | UnsetType = UNSET
    quality: Quality | UnsetType = UNSET
    discrete: dict[str, Annotated[float, Meta(gt=0)]] | UnsetType = UNSET

    @property
    def feature_columns(self) -> list[Column]:
        """The features, with the steps and bounds that they have, if the architecture says so."""
        arguments = self.architecture.get("arguments")
        return features_of(self.features, math.prod(self.event_shape), arguments, self.discrete or None)

    @property
    def context_columns(self) -> list[Column]:
        """The columns of the context."""
        if self.context_features is None:
            return numbered("c", self.context_size)
        return [Column(each.name, each.categories) for each in self.context_features]


def decode_manifest(data: bytes, where: str) -> Manifest:
    """Reads ``flow.json`` and holds it to the schema and to itself.

    Arguments:
        data: the file.
        where: its path, for messages.

    Raises:
        BundleError: naming the file and the key.
    """
    try:
        head = decode_json(data)
    except ValueError as error:
        raise BundleError(str(error), file=where) from error
    found = head.get("format") if isinstance(head, dict) else None
    if not isinstance(head, dict) or found != FORMAT:
        raise BundleError(f"this package reads {FORMAT!r}, the bundle says {found!r}", file=where, key="format")
    try:
        manifest = msgspec.convert(head, Manifest)
    except msgspec.ValidationError as error:
        raise BundleError(with_choices(with_name(str(error), head), Manifest), file=where) from error
    fault = inconsistency(manifest)
    if fault:
        raise BundleError(fault, file=where)
    return manifest


KEYED: dict[str, type[Struct]] = {"graphs": GraphSpec, "tolerance": Tolerance}
"""What stands under names of graphs."""


def with_name(message: str, head: dict[str, Json]) -> str:
    """A message of msgspec with the name of the graph that it is about, where it says ``[...]``."""
    for key, kind in KEYED.items():
        named = head.get(key) if f"`$.{key}[...]" in message else None
        for name, value in named.items() if isinstance(named, dict) else ():
            try:
                msgspec.convert(value, kind)
            except msgspec.ValidationError:
                return message.replace(f"$.{key}[...]", f"$.{key}.{name}")
    return message


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of ``flow.json``: keys in the order of the schema, two spaces, a last line end."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def json_schema() -> dict[str, object]:
    """The JSON Schema of ``flow.json``."""
    schema = msgspec.json.schema(Manifest)
    for kind in schema["$defs"].values():
        # From Python 3.13 on docstrings come without the indentation of their source.
        if "description" in kind:
            kind["description"] = inspect.cleandoc(kind["description"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"{FORMAT} flow.json"} | schema
