"""The graphs that a bundle may hold, by name: the one table that everything from the schema to the proof goes through.

A further graph is a row here and an `flowexport.lowering.emitters.Emitter` that writes it.
"""

from __future__ import annotations

__all__ = ["DIRECTIONS", "GRAPHS", "GraphKind", "absent", "both_directions", "directions_of", "known", "lacking"]

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from flowexport.errors import BundleError

Row = Literal["event", "latent", "number"]
"""What a row of a tensor is: data, the noise that data is made of, or a number alone."""

Check = Literal["substance", "rounding", "support", "direction"]


@dataclass(frozen=True)
class GraphKind:
    """What a graph of some name takes, gives and is held to.

    Arguments:
        name: its key in ``graphs`` of ``flow.json``.
        purpose: what it is for, behind "it cannot".
        first: the name of its first input; ``context`` comes behind it where the model has one.
        takes: what a row of that is.
        output: the name of what it gives.
        gives: what a row of that is.
        unit: of its numbers, and of an ``atol``: nats of a log-density, the scale of each feature, or a latent's own.
        atol, rtol: the most by which it may differ from the trained model; a bundle can ask for less, never for more.
        checks: which of the proof apply to it beside parity.
    """

    name: str
    purpose: str
    first: str
    takes: Row
    output: str
    gives: Row
    unit: Literal["nats", "scale", "latent"]
    atol: float
    rtol: float
    checks: frozenset[Check] = frozenset()

    @property
    def file(self) -> str:
        """What export calls it."""
        return f"{self.name}.onnx"

    def tensors(
        self, event: Sequence[int], latent: int, context: int
    ) -> tuple[list[tuple[str, list[int]]], tuple[str, list[int]]]:
        """The inputs, and the output: names, and shapes of a row."""
        rows: Mapping[Row, list[int]] = {"event": list(event), "latent": [latent], "number": []}
        inputs = [(self.first, rows[self.takes]), *([("context", [context])] if context else [])]
        return inputs, (self.output, rows[self.gives])


GRAPHS: dict[str, GraphKind] = {
    kind.name: kind
    for kind in (
        GraphKind(
            "log_prob",
            "evaluate densities",
            first="x",
            takes="event",
            output="log_prob",
            gives="number",
            unit="nats",
            atol=1e-4,
            rtol=1e-5,
            checks=frozenset({"substance", "rounding", "support", "direction"}),
        ),
        GraphKind(
            "sample",
            "draw samples",
            first="z",
            takes="latent",
            output="x",
            gives="event",
            unit="scale",
            atol=1e-4,
            rtol=1e-5,
            checks=frozenset({"substance", "rounding", "direction"}),
        ),
    )
}
"""By name, in the order in which they are written and shown."""

DIRECTIONS = tuple(name for name, kind in GRAPHS.items() if "direction" in kind.checks)
"""Those that are inverse to each other: what a bundle holds where nothing else is asked for."""


def directions_of(held: Container[str]) -> list[str]:
    """Those of the directions that a bundle of such graphs has: one, or both."""
    return [name for name in DIRECTIONS if name in held]


def both_directions(held: Container[str]) -> bool:
    """Whether a bundle of such graphs has both, so that each can be held to the other."""
    return len(directions_of(held)) == len(DIRECTIONS)


def known(held: Iterable[str]) -> list[GraphKind]:
    """Those of a bundle's graphs that this package knows, in the order of the table; others are passed over."""
    names = set(held)
    return [kind for name, kind in GRAPHS.items() if name in names]


def lacking(name: str, held: Iterable[str]) -> str:
    """What is said of a graph that a bundle does not hold, behind its path and the key."""
    purpose = f", so it cannot {GRAPHS[name].purpose}" if name in GRAPHS else ""
    return f"the bundle holds {' and '.join(sorted(held))} alone, and no {name}{purpose}"


def absent(name: str, held: Iterable[str], where: object) -> BundleError:
    """The error of whoever asks a bundle for a graph that it does not hold: what it cannot do, and the cure.

    Arguments:
        name: of the graph.
        held: names of those that there are.
        where: the path of ``flow.json``.
    """
    held = list(held)
    names = ",".join(kind.name for kind in known([name, *held]))
    cure = f"flowexport export --graphs {names} makes one that can" if name in GRAPHS else None
    return BundleError(lacking(name, held), file=where, key="graphs", cure=cure)
