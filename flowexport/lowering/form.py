"""A flow in the form that is exported: what it says in numpy, in float64 and as float32 rounds it, and its graphs."""

from __future__ import annotations

__all__ = ["Form", "emitter", "lowered", "plain"]

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from flowexport.errors import ExportError

from .activations import activated, rounded
from .emitters import EMITTERS, Emitter
from .lower import lower
from .passes import lean
from .program import Array, Program, arrays_mapped

if TYPE_CHECKING:
    from flowexport.flows import Flow

HALF_ULP = 2.0**-24
"""The most by which rounding to float32 moves a number, relative."""


class Form(Protocol):
    """A flow of vectors or of images, lean: the same function as the trained one, in few operations."""

    def log_prob(self, x: Array, context: Array | None) -> Array:
        """``[rows, *event]`` → ``[rows]``, nats, in the type of the form."""

    def sample(self, z: Array, context: Array | None) -> Array:
        """``[rows, latent]`` → ``[rows, *event]``."""

    def rounded(self, draw: np.random.Generator) -> Form:
        """The form as some runtime may have it in float32, at random.

        Every constant that float32 does not hold is moved by up to half a unit in the last place, and what smooth
        activations give by what runtimes are off there.
        """

    def graph(self, name: str, dtype: str) -> bytes:
        """The ONNX file of a graph by its name, its numbers ``"float32"`` or ``"float64"``.

        Raises:
            ExportError: for a name that no emitter has.
        """


def lowered(flow: Flow) -> Form:
    """The form of a trained flow, which does not change with it.

    Raises:
        ExportError: for a linear layer without an inverse.
    """
    if flow.standardize is not None:
        return Vectors(lean(lower(flow)))
    from .images.form import Images

    return Images.of(flow)


def plain(flow: Flow) -> Vectors:
    """The form of a flow of vectors before any pass, in float64: what its lean form and its graphs are held to.

    Raises:
        ExportError: for a flow of images, which is no program.
    """
    if flow.standardize is None:
        raise ExportError("flows of images have log_prob and sample alone", key="graphs")
    return Vectors(lower(flow))


def emitter(name: str) -> Emitter:
    """What writes the graph of a name.

    Raises:
        ExportError: where nothing does.
    """
    if name not in EMITTERS:
        raise ExportError(f"expected {' or '.join(EMITTERS)}, got {name!r}", key="graphs")
    return EMITTERS[name]


@dataclass(frozen=True)
class Vectors:
    """A flow of vectors, by its lean program."""

    program: Program
    activate: Callable[[str, Array], Array] = activated

    def says(self, name: str, given: Array, context: Array | None) -> Array:
        """What the graph of a name says of rows."""
        return emitter(name).says(self.program, given, context, self.activate)

    def log_prob(self, x: Array, context: Array | None) -> Array:
        return self.says("log_prob", x, context)

    def sample(self, z: Array, context: Array | None) -> Array:
        return self.says("sample", z, context)

    def rounded(self, draw: np.random.Generator) -> Form:
        program = arrays_mapped(self.program, lambda constant: moved(constant, draw).astype(np.float32))
        return Vectors(program, partial(rounded, draw=draw))

    def graph(self, name: str, dtype: str) -> bytes:
        return emitter(name).writes(self.program, np.dtype(dtype))


def moved(constant: Array, draw: np.random.Generator) -> Array:
    """A constant, moved where float32 does not hold it."""
    by = 1 + HALF_ULP * draw.uniform(-1, 1, constant.shape)
    with np.errstate(over="ignore"):
        held = constant.astype(np.float32).astype(np.float64) == constant
    return np.asarray(constant * np.where(held, 1, by))
