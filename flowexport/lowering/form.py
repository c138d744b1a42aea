"""A flow in the form that is exported: what it says in numpy, in float64 and as float32 rounds it, and its graphs."""

from __future__ import annotations

__all__ = ["Form", "lowered"]

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from . import evaluate, graphs
from .activations import activated, rounded
from .lower import lower
from .passes import lean
from .program import Array, Program, arrays_mapped

if TYPE_CHECKING:
    from flowexport.flows import Flow

GraphName = Literal["log_prob", "sample"]

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

    def graph(self, name: GraphName, dtype: str) -> bytes:
        """The ONNX file of a graph, its numbers ``"float32"`` or ``"float64"``."""


def lowered(flow: Flow) -> Form:
    """The form of a trained flow, which does not change with it.

    Raises:
        ExportError: for a linear layer without an inverse.
    """
    if flow.standardize is not None:
        return Vectors(lean(lower(flow)))
    from .images.form import Images

    return Images.of(flow)


@dataclass(frozen=True)
class Vectors:
    """A flow of vectors, by its lean program."""

    program: Program
    activate: Callable[[str, Array], Array] = activated

    def log_prob(self, x: Array, context: Array | None) -> Array:
        return evaluate.log_prob(self.program, x, context, self.activate)

    def sample(self, z: Array, context: Array | None) -> Array:
        return evaluate.sample(self.program, z, context, self.activate)

    def rounded(self, draw: np.random.Generator) -> Form:
        program = arrays_mapped(self.program, lambda constant: moved(constant, draw).astype(np.float32))
        return Vectors(program, partial(rounded, draw=draw))

    def graph(self, name: GraphName, dtype: str) -> bytes:
        write = graphs.log_prob_graph if name == "log_prob" else graphs.sample_graph
        return write(self.program, np.dtype(dtype))


def moved(constant: Array, draw: np.random.Generator) -> Array:
    """A constant, moved where float32 does not hold it."""
    by = 1 + HALF_ULP * draw.uniform(-1, 1, constant.shape)
    with np.errstate(over="ignore"):
        held = constant.astype(np.float32).astype(np.float64) == constant
    return np.asarray(constant * np.where(held, 1, by))
