"""What the columns of a bundle are called, which of them hold categories, and what rows they cannot hold."""

from __future__ import annotations

__all__ = ["context_columns", "feature_columns", "require_rows"]

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from flowexport.bundle.schema import ContextFeature
from flowexport.column import Column
from flowexport.errors import ArgumentError, DataError, InputError
from flowexport.flows import Flow
from flowexport.runtime.categories import require_codes
from flowexport.training.support import require_support


def feature_columns(flow: Flow, given: Sequence[str] | None, discrete: Mapping[str, float]) -> list[Column]:
    """The features of a flow.

    Arguments:
        flow: which knows their bounds.
        given: their names; None for the flow's own.
        discrete: features of steps, and the width of a step.

    Raises:
        ArgumentError: where it does not fit the flow.
    """
    columns = flow.feature_columns
    names = [column.name for column in columns] if given is None else [str(each) for each in given]
    require_different("features", names, flow.features)
    for name in discrete:
        if name not in names:
            raise ArgumentError(f"{name!r} is not a feature", key="discrete")
    return [
        msgspec.structs.replace(column, name=name, step=discrete.get(name))
        for column, name in zip(columns, names, strict=True)
    ]


def context_columns(flow: Flow, given: Sequence[str | Mapping[str, object] | Column] | None) -> list[Column]:
    """The columns of a flow's context.

    Arguments:
        flow: which knows how many categories each column has.
        given: a name a column, or a mapping of ``name`` and ``categories``; None for the flow's own. Categories without
            names have those that the flow has learnt, or else their codes for names.

    Raises:
        ArgumentError: where it does not fit the flow.
    """
    if given is None:
        return flow.context_columns
    columns = [each if isinstance(each, Column) else column_of(place, each) for place, each in enumerate(given)]
    require_different("context_features", [column.name for column in columns], flow.context)
    named = []
    for place, (column, own) in enumerate(zip(columns, flow.context_columns, strict=True)):
        categories = column.categories or own.categories or []
        if len(categories) != own.codes or len(set(categories)) != own.codes:
            wanted = f"{own.codes} different categories" if own.codes else "no categories: it is a number"
            raise ArgumentError(f"context_features[{place}]: {column.name!r} has {wanted}, got {categories}")
        named.append(Column(column.name, categories or None))
    return named


def column_of(place: int, given: str | Mapping[str, object]) -> Column:
    """A column of the context as a user has it, held to what ``flow.json`` may hold."""
    try:
        entry = msgspec.convert(given if isinstance(given, Mapping) else {"name": str(given)}, ContextFeature)
    except msgspec.ValidationError as error:
        raise ArgumentError(f"context_features[{place}]: {error}") from error
    return Column(entry.name, entry.categories)


def require_different(key: str, names: Sequence[str], count: int) -> None:
    """Refuses another number of names, or two that are the same."""
    if len(names) != count or len(set(names)) != count:
        raise ArgumentError(f"expected {count} different names, got {names}", key=key)


def require_rows(
    x: np.ndarray | None, context: np.ndarray | None, features: Sequence[Column], contexts: Sequence[Column]
) -> None:
    """Refuses rows outside the bounds of features, and codes of no category.

    Raises:
        ArgumentError: naming row and column.
    """
    try:
        if x is not None:
            require_support("data", x, features)
        if context is not None:
            require_codes(contexts, context)
    except (DataError, InputError) as error:
        raise error.told(ArgumentError) from error
