"""A column of a table, from recipe to bundle: what it is called, and what its numbers may be."""

from __future__ import annotations

__all__ = ["Bound", "Column", "features_of", "numbered"]

from collections.abc import Mapping, Sequence

from msgspec import Struct

Bound = tuple[float | None, float | None]
"""Lower and upper, None for none."""


class Column(Struct, frozen=True, omit_defaults=True, repr_omit_defaults=True):
    """A feature, or a column of the context.

    Arguments:
        name: by which a table has it.
        categories: of a column of the context that is none of numbers, in the order of their codes 0, 1, ….
        embedding: how many learned numbers a category becomes; 0 for a one-hot row.
        bounds: of the numbers of a feature.
        step: of a feature of steps, such as whole numbers, their width, which training adds noise of.
        standardised: whether a flow gives it mean 0 and deviation 1; codes of categories stay as they are in any case.
    """

    name: str
    categories: list[str] | None = None
    embedding: int = 0
    bounds: Bound = (None, None)
    step: float | None = None
    standardised: bool = True

    @property
    def codes(self) -> int:
        """How many categories it has; 0 of numbers."""
        return len(self.categories or ())


def numbered(letter: str, count: int) -> list[Column]:
    """Columns of numbers without names of their own: x0, x1 and so on."""
    return [Column(f"{letter}{place}") for place in range(count)]


def features_of(
    names: Sequence[str] | None, size: int, arguments: object, steps: Mapping[str, float] | None = None
) -> list[Column]:
    """The features of a flow.

    Arguments:
        names: of them; None for x0, x1 and so on.
        size: how many.
        arguments: of the flow, which may say what their bounds are.
        steps: of those of steps, by name.
    """
    names = names or [column.name for column in numbered("x", size)]
    bounds = bounds_of(arguments, size)
    return [Column(name, bounds=each, step=(steps or {}).get(name)) for name, each in zip(names, bounds, strict=True)]


def bounds_of(arguments: object, size: int) -> list[Bound]:
    """The bounds of so many features by the arguments of a flow, which may hold anything; none where they say none."""
    given = arguments.get("bounds") if isinstance(arguments, dict) else None
    try:
        pairs = [(None if a is None else float(a), None if b is None else float(b)) for a, b in given or ()]
    except (TypeError, ValueError, OverflowError):
        pairs = []
    return pairs if len(pairs) == size else [(None, None)] * size
