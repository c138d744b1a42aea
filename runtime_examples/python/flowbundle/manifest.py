"""``flow.json``: what the model is, and what it promises."""

from __future__ import annotations

__all__ = [
    "FORMAT",
    "ContextFeature",
    "Dtype",
    "Graph",
    "GraphSpec",
    "Manifest",
    "Shapes",
    "read_manifest",
]

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from .keys import Key, parse_json, shown

FORMAT = "flowexport/1"
SHA256 = re.compile(r"[0-9a-f]{64}")
PART = r"[A-Za-z0-9_-](?:\.?[A-Za-z0-9_-])*"
FILE_NAME = re.compile(f"{PART}(?:/{PART})*")
LONGEST_NAME = 255

WIDEST_CONTEXT = 65_536
"""More columns than any table of contexts has: without names, a few characters could ask for an immense one."""

Graph = Literal["log_prob", "sample"]
"""The two directions of a model."""

Dtype = Literal["float32", "float64"]
"""Of every input and output of the graphs."""

Shapes = dict[str, tuple[int, ...]]
"""Tensor → its shape behind the batch axis."""


@dataclass(frozen=True)
class GraphSpec:
    """An ONNX file, and the tensors that it must have."""

    file: str
    inputs: Shapes
    outputs: Shapes


@dataclass(frozen=True)
class ContextFeature:
    """A column of the context: a number, or the code (0, 1, …) of one of its categories."""

    name: str
    categories: tuple[str, ...] | None


@dataclass(frozen=True)
class Manifest:
    """``flow.json``, as far as a reader needs it.

    Arguments:
        dtype: of every input and output of the graphs.
        features: names of the numbers of a row, in C order.
        context: the columns of the context; none for a model without.
        graphs: the directions that the bundle holds, one or both; graphs of other names are left out.
        files: file → SHA-256.
        scale: standard deviation of each feature.
        quantiles: 101 of log_prob on reference rows, or None.
        selector: whether the last column of z chooses a component, and takes no temperature.
    """

    name: str
    dtype: Dtype
    event_shape: tuple[int, ...]
    latent_size: int
    features: tuple[str, ...]
    context: tuple[ContextFeature, ...]
    graphs: dict[Graph, GraphSpec]
    files: dict[str, str]
    scale: tuple[float, ...]
    quantiles: tuple[float, ...] | None
    selector: bool


def read_manifest(data: bytes, file: str) -> Manifest:
    """Reads ``flow.json``. Keys that this reader does not know are passed over.

    Arguments:
        data: the file.
        file: its path, for messages.

    Raises:
        BundleError: for another format, a missing key, a wrong type, or a contradiction, by its key.
    """
    root = parse_json(data, file)
    root["format"].one_of(FORMAT)
    dtype: Dtype = root["dtype"].one_of("float32", "float64")
    root["description"].text()
    event_shape = tuple(size.whole(1) for size in root["event_shape"].entries(1, 3))
    width, latent_size = math.prod(event_shape), root["latent_size"].whole(1)
    # The scale before the names: its length bounds the width, which a few characters could make immense.
    scale = tuple(positive(entry) for entry in root["scale"].entries(width, width))
    context, files, selector = read_context(root), read_files(root["files"]), root.optional("selector")
    given = {"context": (len(context),)} if context else {}
    tensors: dict[Graph, tuple[Shapes, Shapes]] = {
        "log_prob": ({"x": event_shape, **given}, {"log_prob": ()}),
        "sample": ({"z": (latent_size,), **given}, {"x": event_shape}),
    }
    held = dict(root["graphs"].items())
    if not held.keys() & tensors.keys():
        root["graphs"].fail(f"expected log_prob or sample, got {shown(list(held))}")
    return Manifest(
        name=root["name"].text(),
        dtype=dtype,
        event_shape=event_shape,
        latent_size=latent_size,
        features=read_features(root["features"], width),
        context=context,
        graphs={
            name: read_graph(held[name], inputs, outputs, dtype, files)
            for name, (inputs, outputs) in tensors.items()
            if name in held
        },
        files=files,
        scale=scale,
        quantiles=read_quantiles(root["reference"]),
        selector=selector is not None and selector.truth(),
    )


def read_features(features: Key, width: int) -> tuple[str, ...]:
    if features.value is None:
        return tuple(f"x{i}" for i in range(width))
    return tuple(entry.text() for entry in features.entries(width, width))


def read_context(root: Key) -> tuple[ContextFeature, ...]:
    size, features = root["context_size"].whole(0, WIDEST_CONTEXT), root["context_features"]
    if features.value is None:
        return tuple(ContextFeature(f"c{i}", None) for i in range(size))
    found = []
    for entry in features.entries(size, size):
        categories = entry.optional("categories")
        names = None if categories is None else tuple(each.text() for each in categories.entries(1))
        found.append(ContextFeature(entry["name"].text(), names))
    return tuple(found)


def read_files(files: Key) -> dict[str, str]:
    """File → SHA-256; every name goes nowhere but down."""
    found, lower = {}, set[str]()
    for name, digest in files.items():
        if len(name) > LONGEST_NAME or not FILE_NAME.fullmatch(name):
            files.fail(f"{shown(name)} leaves the folder, or is no plain name")
        if name.lower() in lower:
            files.fail(f"{shown(name)} differs from another in its capitals alone")
        lower.add(name.lower())
        if not SHA256.fullmatch(digest.text()):
            digest.fail("expected a SHA-256 in lower-case hex")
        found[name] = digest.text()
    return found


def read_graph(graph: Key, inputs: Shapes, outputs: Shapes, dtype: Dtype, files: dict[str, str]) -> GraphSpec:
    """A graph, whose tensors must be those of the model."""
    graph["opset"].whole(1)
    for key, shapes in (("inputs", inputs), ("outputs", outputs)):
        tensors = graph[key].entries(len(shapes), len(shapes))
        for tensor, (name, shape) in zip(tensors, shapes.items(), strict=True):
            tensor["name"].one_of(name)
            tensor["dtype"].one_of(dtype)
            if tensor["shape"].value != ["batch", *shape]:
                tensor["shape"].fail(f"expected {shown(['batch', *shape])}, got {shown(tensor['shape'].value)}")
    return GraphSpec(listed(graph["file"], files), inputs, outputs)


def read_quantiles(reference: Key) -> tuple[float, ...] | None:
    if reference.value is None:
        return None
    reference["rows"].whole(1)
    quantiles = tuple(entry.number() for entry in reference["log_prob_quantiles"].entries(101, 101))
    if any(before > after for before, after in pairwise(quantiles)):
        reference["log_prob_quantiles"].fail("must ascend")
    return quantiles


def positive(scale: Key) -> float:
    return scale.number() if scale.number() > 0 else scale.fail("expected a positive number")


def listed(file: Key, files: dict[str, str]) -> str:
    """The name of a file, which must be among ``files``."""
    return file.text() if file.text() in files else file.fail(f"{shown(file.value)} is not listed in files")
