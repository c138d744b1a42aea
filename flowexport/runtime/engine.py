"""The one door for engines: what a loaded bundle asks of whatever runs its graphs, and nothing of how it is done."""

from __future__ import annotations

__all__ = ["Engine", "OpenGraph", "Quick", "Signature", "Tensor", "Tensors", "in_words", "signature_of"]

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from flowexport.bundle.schema import GraphSpec

from .device import Device


class Signature(NamedTuple):
    """What a graph takes and gives, a row of each for every row of the batch.

    Arguments:
        inputs: name → shape of a row.
        output: its name.
        row: the shape of a row of it.
        dtype: of all of them.
    """

    inputs: dict[str, tuple[int, ...]]
    output: str
    row: tuple[int, ...]
    dtype: np.dtype


def signature_of(spec: GraphSpec) -> Signature:
    """What ``flow.json`` says of a graph; the first axis, ``batch``, is left out."""
    inputs = {tensor.name: row_of(tensor.shape) for tensor in spec.inputs}
    (output,) = spec.outputs
    return Signature(inputs, output.name, row_of(output.shape), np.dtype(output.dtype))


def row_of(shape: Sequence[int | str]) -> tuple[int, ...]:
    """The shape of a row of a tensor ``[batch, …]``."""
    return tuple(int(size) for size in shape[1:])


class OpenGraph(Protocol):
    """One graph, ready to run a block of rows."""

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""

    @property
    def provider(self) -> str:
        """Where it runs, read back from what runs it, in the engine's own words."""

    def run(self, *inputs: np.ndarray) -> np.ndarray:
        """One run: C-ordered arrays of the graph's type, in the order of the signature; the result is a new array."""

    def run_into(self, inputs: Sequence[np.ndarray], out: np.ndarray) -> None:
        """One run on arrays of any type of number and order of memory, into a contiguous array of the graph's type."""


class Tensor(Protocol):
    """What is used of a tensor of another library, torch's or cupy's."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its axes."""

    @property
    def dtype(self) -> object:
        """Its type, by the library's own name."""

    def __len__(self) -> int:
        """Its rows."""

    def __dlpack_device__(self) -> tuple[int, int]:
        """Where it lies: the kind of device, and its number."""

    def reshape(self, shape: tuple[int, ...], /) -> Tensor:
        """The same numbers in another shape."""


class Quick(NamedTuple):
    """What an engine does in one step, where others take a call of numpy for each; None for what it does not.

    Arguments:
        score: x, context → `Model.log_prob` of one block of rows that are just as the graph takes them; None for
            anything else.
        draw: seed, first, rows, temperature, warm → samples number ``first`` … of a seed, of a bundle without a
            context. The first ``warm`` numbers of a latent have the temperature.
    """

    score: Callable[[object, object], np.ndarray | None] | None = None
    draw: Callable[[int, int, int, float, int], np.ndarray] | None = None


class Tensors(Protocol):
    """Tensors of another library that lie where an engine can read them."""

    def rows(self, name: str, tensor: Tensor, row: tuple[int, ...], dtype: np.dtype) -> Tensor:
        """A tensor ``[*, *row]`` as contiguous ``[rows, *row]``.

        Raises:
            InputError: for another shape, type or device.
        """

    def spread(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """A tensor broadcast to a shape."""

    def moved(self, array: np.ndarray) -> Tensor:
        """An array of the host as a tensor beside the others."""

    def run(self, graph: str, inputs: Sequence[Tensor]) -> Tensor:
        """A graph over all rows, into a new tensor beside them, ``[rows, *row]``."""


class Engine(Protocol):
    """Something that runs the graphs of one bundle on one device.

    An engine keeps no row of a call. `flowexport.runtime.engines` lists those there are.
    """

    @property
    def name(self) -> str:
        """By which it is asked for."""

    @property
    def title(self) -> str:
        """As its makers write it."""

    @property
    def device(self) -> Device:
        """Where it runs."""

    @property
    def why(self) -> str:
        """Why it was chosen: that it was asked for, or what was passed over for which reason."""

    @property
    def provider(self) -> str:
        """What every graph's ``provider`` must be where all is as it was asked for."""

    @property
    def block_rows(self) -> int:
        """The most rows that it is to be given at a time."""

    @property
    def most_threads(self) -> int | None:
        """How many threads may run blocks at a time; None for as many as there are."""

    @property
    def quick(self) -> Quick:
        """Where there is a quicker way than the graphs."""

    @property
    def graphs(self) -> Mapping[str, OpenGraph]:
        """The bundle's graphs by name."""

    def tensors(self, x: Tensor) -> Tensors:
        """What reads tensors that lie where x does.

        Raises:
            InputError: ``wrong_device``, for where it does not reach, or a library that it does not know.
        """


def in_words(engine: Engine) -> str:
    """An engine as a prompt shows it: which, where, and why."""
    return f"<{engine.title} on {engine.device}: {engine.why}>"
