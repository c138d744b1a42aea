"""The arguments of a loaded model's calls, coerced once: rows, contexts and samplings as the graphs take them."""

from __future__ import annotations

__all__ = ["Arguments", "Draw", "leading_of"]

import secrets
from dataclasses import dataclass
from numbers import Real

import numpy as np

from flowexport.column import Column
from flowexport.errors import ArgumentError, InputError
from flowexport.tables import as_numbers

from .categories import context_array, require_codes
from .overflow import MOST_TEMPERATURE


@dataclass(frozen=True)
class Draw:
    """A sampling: ``n`` rows for each of ``contexts [m, context]``, or ``n`` in all where there are none."""

    n: int
    contexts: np.ndarray | None
    seed: int
    temperature: float

    @property
    def rows(self) -> int:
        """How many it makes."""
        return self.n * (1 if self.contexts is None else len(self.contexts))

    def contexts_of(self, start: int, stop: int) -> list[np.ndarray]:
        """The contexts of rows ``start`` … ``stop − 1``, where there are any."""
        return [] if self.contexts is None else [self.contexts[np.arange(start, stop) // self.n]]


@dataclass(frozen=True)
class Arguments:
    """What a model's arguments are held to.

    Arguments:
        context_features: the columns of its context.
    """

    context_features: list[Column]

    def rows(self, name: str, given: object, row: tuple[int, ...]) -> np.ndarray:
        """An input as numbers ``[*, *row]``; their type is changed block by block, later.

        Raises:
            InputError: for another shape, or what is no number.
        """
        array = as_numbers(name, given)
        if array.ndim < len(row) or array.shape[array.ndim - len(row) :] != row:
            expected = ", ".join(["*", *map(str, row)])
            columns = f" ({self.names})" if name == "context" else ""
            raise InputError("wrong_shape", f"expected shape [{expected}]{columns}, got {list(array.shape)}", key=name)
        return array

    def context(self, given: object) -> np.ndarray:
        """The numbers of a context, ``[context]`` or ``[*, context]``, as `Model.context` has them."""
        if not self.has_context(given):
            raise InputError("wrong_shape", "this model takes none", key="context")
        array = context_array(self.context_features, given)
        context = self.rows("context", array, (len(self.context_features),))
        require_codes(self.context_features, context)
        return context

    def context_of(self, given: object, leading: tuple[int, ...]) -> np.ndarray | None:
        """The context of rows ``[*, …]``: ``[1, context]`` for all of them, or ``[rows, context]``; None for none.

        Raises:
            InputError: as `context`, and where its leading shape is another.
        """
        if not self.has_context(given):
            return None
        context = self.context(given)
        if context.ndim > 1 and context.shape[:-1] != leading:
            raise InputError(
                "wrong_shape", f"leading shape {context.shape[:-1]}, the rows have {leading}", key="context"
            )
        return context.reshape(-1, context.shape[-1])

    def has_context(self, given: object) -> bool:
        """Whether there is a context.

        Raises:
            InputError: where it is missing, or unasked for.
        """
        if given is None and self.context_features:
            needs = f"this model needs {len(self.context_features)} context features ({self.names})"
            raise InputError("missing_context", needs, key="context")
        if given is not None and not self.context_features:
            raise InputError("wrong_shape", "this model takes none", key="context")
        return given is not None

    def draw(self, n: int, context: object, seed: int | None, temperature: float) -> Draw:
        """The arguments of a sampling; a seed of the system where there is none.

        Raises:
            ArgumentError, InputError: for one that cannot be.
        """
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
            raise ArgumentError(f"expected a whole number from 0, got {n!r}", key="n")
        if not (isinstance(temperature, Real) and 0 <= temperature <= MOST_TEMPERATURE):
            raise ArgumentError(
                f"expected a number from 0 to {MOST_TEMPERATURE:g}, got {temperature!r}", key="temperature"
            )
        if seed is None:
            seed = secrets.randbits(64)
        elif isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
            raise ArgumentError(f"expected a whole number from 0 to 2**64 - 1, got {seed!r}", key="seed")
        contexts = None
        if self.has_context(context):
            contexts = self.context(context)
            if contexts.ndim > 2:
                raise InputError(
                    "wrong_shape", f"expected [context] or [m, context], got {contexts.shape}", key="context"
                )
            contexts = contexts.reshape(-1, contexts.shape[-1])
        return Draw(int(n), contexts, int(seed), temperature)

    @property
    def names(self) -> str:
        """The columns of the context, for messages."""
        return ", ".join(feature.name for feature in self.context_features)


def leading_of(shape: tuple[int, ...], row: tuple[int, ...]) -> tuple[int, ...]:
    """What of a shape ``[*, *row]`` the star stands for."""
    return tuple(shape)[: len(shape) - len(row)]
