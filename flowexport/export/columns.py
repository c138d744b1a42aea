"""What the columns of a bundle are called, which of them hold categories, and what rows they cannot hold."""

from __future__ import annotations

__all__ = ["context_columns", "named", "require_rows"]

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from flowexport.bundle.schema import ContextFeature
from flowexport.column import Column
from flowexport.errors import ArgumentError, DataError
from flowexport.flows import Flow
from flowexport.training.support import require_codes, require_within_bounds


def named(key: str, names: Sequence[str] | None, count: int, letter: str) -> list[str]:
    """The names of columns, or x0, x1 and so on.

    Raises:
        ArgumentError: for another number of names, or two that are the same.
    """
    given = [f"{letter}{i}" for i in range(count)] if names is None else [str(each) for each in names]
    if len(given) != count or len(set(given)) != count:
        raise ArgumentError(f"expected {count} different names, got {given}", key=key)
    return given


def context_columns(flow: Flow, given: Sequence[str | Mapping[str, object]] | None) -> list[Column]:
    """The columns of a flow's context.

    Arguments:
        flow: which knows how many categories each column has.
        given: a name a column, or a mapping of ``name`` and ``categories``. Categories without names get their codes
            for names.

    Raises:
        ArgumentError: where it does not fit the flow.
    """
    columns = [each if isinstance(each, Mapping) else {"name": str(each)} for each in given or []]
    listed = None if given is None else [str(each.get("name", "")) for each in columns]
    names = named("context_features", listed, flow.context, "c")
    features = []
    for column, (name, count) in enumerate(zip(names, flow.categories, strict=True)):
        entry = {"name": name} | (dict(columns[column]) if columns else {})
        if count:
            entry.setdefault("categories", [str(code) for code in range(count)])
        try:
            feature = msgspec.convert(entry, ContextFeature)
        except msgspec.ValidationError as error:
            raise ArgumentError(f"context_features[{column}]: {error}") from error
        categories = feature.categories or []
        if len(categories) != count or len(set(categories)) != count:
            wanted = f"{count} different categories" if count else "no categories: it is a number"
            raise ArgumentError(f"context_features[{column}]: {name!r} has {wanted}, got {categories}")
        features.append(Column(name, feature.categories))
    return features


def require_rows(
    flow: Flow,
    x: np.ndarray | None,
    context: np.ndarray | None,
    features: Sequence[str],
    context_features: Sequence[Column],
) -> None:
    """Refuses rows outside the flow's bounds, and codes of no category.

    Raises:
        ArgumentError: naming row and column.
    """
    try:
        if x is not None:
            require_within_bounds("data", flow, x, features)
        if context is not None:
            require_codes("context", context, flow.categories, [feature.name for feature in context_features])
    except DataError as error:
        raise error.told(ArgumentError) from error
