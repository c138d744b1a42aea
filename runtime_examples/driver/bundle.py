"""A bundle's own words on itself: what a table is called by, and what its golden cases promise.

The program has it open, so that its library has checked what it uses, and every file's hash. What only ``golden``
needs is checked here.
"""

from __future__ import annotations

__all__ = ["GRAPHS", "Bundle", "Case", "Noise", "open_bundle"]

import hashlib
import json
import re
from dataclasses import dataclass
from math import prod
from pathlib import Path

from .arrays import Array, read_npy
from .errors import Failure
from .keys import Key

SEED = re.compile(r"[0-9]{1,20}")

GRAPHS = {"log_prob": ("x", "log_prob"), "sample": ("z", "x")}
"""Graph → what it takes beside the context, and what it gives."""

PURPOSES = {"log_prob": "evaluate densities", "sample": "draw samples"}
"""What a bundle without a graph cannot do."""


@dataclass(frozen=True)
class Case:
    """A golden case: files of the inputs, and either that of the expected output or the code of the expected error.

    Arguments:
        inputs: of x or z, and of the context or None.
        rounding: of what float32 alone costs each expected number, or None.
        rows: start and stop of those that count, or None for all.
    """

    name: str
    graph: str
    inputs: tuple[str, str | None]
    expected: str | None
    rounding: str | None
    error: str | None
    rows: tuple[int, int] | None


@dataclass(frozen=True)
class Noise:
    """Normals number ``start`` onwards of a seed."""

    seed: int
    start: int
    file: str


@dataclass(frozen=True)
class Bundle:
    """flow.json, as far as a program of the contract needs it.

    Arguments:
        kind: of the numbers, ``f4`` or ``f8``.
        context: name → labels, or None where the column holds numbers.
    """

    path: Path
    document: Key
    kind: str
    event_shape: tuple[int, ...]
    features: list[str]
    context: dict[str, list[str] | None]

    @property
    def width(self) -> int:
        """Numbers of a row."""
        return prod(self.event_shape)

    @property
    def has_reference(self) -> bool:
        """Whether there are percentiles."""
        return self.document["reference"].value is not None

    def array(self, name: str) -> Array:
        """A listed .npy file: the very bytes that were hashed."""
        path = self.path / name
        data = read(path)
        if hashlib.sha256(data).hexdigest() != self.document["files"].value[name]:
            raise Failure(f"{path}: files: hash differs")
        return read_npy(data, str(path))

    def zeros(self, *leading: int) -> Array | None:
        """A context, and code, that every model takes, ``[*leading, context]``; None for a model without."""
        shape = (*leading, len(self.context))
        return Array.of(self.kind, shape, [0.0] * prod(shape)) if self.context else None

    @property
    def graphs(self) -> list[str]:
        """Those of the two directions that the bundle holds; graphs of other names are passed over."""
        held = self.document["graphs"].expect(dict, "an object")
        return [graph for graph in GRAPHS if graph in held]

    def tolerance(self, graph: str) -> tuple[float, float]:
        """atol and rtol."""
        found = self.document["tolerance"][graph]
        return found["atol"].number(0), found["rtol"].number(0)

    def scale(self) -> list[float]:
        """The standard deviation of each feature."""
        return [entry.number(5e-324) for entry in self.document["scale"].entries(self.width, self.width)]

    def cases(self) -> list[Case]:
        """The golden cases, but for those of graphs that no program here knows."""
        held, found = self.document["graphs"].value, self.document["golden"]["cases"].entries(most=1000)
        return [self._case(case) for case in found if case["graph"].text() in GRAPHS or case["graph"].value not in held]

    def noise(self) -> list[Noise]:
        """The golden parts of the noise."""
        found = []
        for each in self.document["golden"]["noise"].entries(most=100):
            seed = each["seed"].text()
            if not SEED.fullmatch(seed) or int(seed) >= 2**64:
                each["seed"].fail("expected a decimal number below 2**64 as text")
            found.append(Noise(int(seed), each["start"].whole(0, 2**53), self.file(each["file"])))
        return found

    def check(self) -> None:
        """Holds what no library goes on to use to the contract.

        Raises:
            Failure: by its key.
        """
        for name in ("architecture", "provenance"):
            self.document[name].expect(dict, "an object")
        for graph in self.graphs:
            self.tolerance(graph)
            given, output = GRAPHS[graph]
            shape = list(self.event_shape) if given == "x" else [self.document["latent_size"].value]
            inputs = {given: shape} | ({"context": [len(self.context)]} if self.context else {})
            outputs = {output: [] if given == "x" else list(self.event_shape)}
            graphs = self.document["graphs"][graph]
            graphs["opset"].whole(1)
            for key, tensors in (("inputs", inputs), ("outputs", outputs)):
                found = {
                    each["name"].text(): (each["dtype"].text(), each["shape"].value) for each in graphs[key].entries()
                }
                dtype = "float32" if self.kind == "f4" else "float64"
                if found != {name: (dtype, ["batch", *axes]) for name, axes in tensors.items()}:
                    graphs[key].fail("are not the tensors of a model of these sizes")
        self.scale()

    def file(self, key: Key) -> str:
        """The name of a file, which must be listed."""
        return key.text() if key.text() in self.document["files"].value else key.fail("is not listed in files")

    def _case(self, case: Key) -> Case:
        graph = case["graph"].text(*GRAPHS)
        given, output = GRAPHS[graph]
        if graph not in self.graphs:
            held = f"the bundle holds {' and '.join(self.graphs)} alone, and no {graph}"
            case["graph"].fail(f"{held}, so it cannot {PURPOSES[graph]}")
        expected, error, rows = case.optional("expected"), case.optional("error"), case.optional("rows")
        rounding, context = case.optional("rounding"), case["inputs"].optional("context")
        if (expected is None) == (error is None):
            case.fail("needs either expected or error")
        start, stop = (entry.whole(0) for entry in rows.entries(2, 2)) if rows else (0, 0)
        return Case(
            name=case["name"].text(),
            graph=graph,
            inputs=(self.file(case["inputs"][given]), self.file(context) if context else None),
            expected=self.file(expected[output]) if expected else None,
            rounding=self.file(rounding[output]) if rounding else None,
            error=error.text("wrong_shape", "missing_context", "wrong_dtype") if error else None,
            rows=(start, stop) if rows else None,
        )


def open_bundle(path: str, digest: str | None) -> Bundle:
    """Reads the flow.json of a bundle that a program has opened."""
    file = Path(path) / "flow.json"
    data = read(file)
    if digest not in (None, hashlib.sha256(data).hexdigest()):
        raise Failure(f"{file}: digest: another bundle was put in its place")
    document = Key(str(file), "", json.loads(data))
    shape = tuple(size.whole(1) for size in document["event_shape"].entries(1, 3))
    names, columns = document["features"], document["context_features"]
    width, size = prod(shape), document["context_size"].whole(0)
    features = [f"x{i}" for i in range(width)] if names.value is None else [name.text() for name in names.entries()]
    context: dict[str, list[str] | None] = {f"c{i}": None for i in range(size)} if columns.value is None else {}
    for column in [] if columns.value is None else columns.entries(size, size):
        labels = column.optional("categories")
        context[column["name"].text()] = None if labels is None else [label.text() for label in labels.entries()]
    return Bundle(
        path=Path(path),
        document=document,
        kind="f4" if document["dtype"].text() == "float32" else "f8",
        event_shape=shape,
        features=features,
        context=context,
    )


def read(path: Path) -> bytes:
    """A file of the bundle."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(f"{path}: cannot be read ({error.strerror})") from error
