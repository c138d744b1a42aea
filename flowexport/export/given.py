"""What an export is given: rows, and the names of their columns, in the flow's own terms."""

from __future__ import annotations

__all__ = ["Given", "given_of"]

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from flowexport.column import Column
from flowexport.errors import ArgumentError
from flowexport.flows import Flow
from flowexport.runtime.categories import context_array
from flowexport.tables import as_numbers, frame_of

from .columns import context_columns, feature_columns, require_rows


@dataclass(frozen=True)
class Given:
    """Rows and the names of their columns.

    Arguments:
        feature_columns, context_columns: what they are of.
        rows: ``[rows, *event]`` float64, or None.
        contexts: ``[rows, context]`` float64, or None.
    """

    feature_columns: list[Column]
    context_columns: list[Column]
    rows: np.ndarray | None
    contexts: np.ndarray | None


def given_of(
    flow: Flow,
    data: object,
    context: object,
    features: Sequence[str] | None,
    context_features: Sequence[str | Mapping[str, object] | Column] | None,
    discrete: Mapping[str, float],
) -> Given:
    """What `flowexport.export` was given, held to the flow.

    Raises:
        ArgumentError, InputError: for data, context or names that do not fit the flow.
    """
    columns = feature_columns(flow, features or flow.feature_names or names_of(data), discrete)
    of_context = context_columns(flow, context_features or flow.named_context or names_of(context))
    rows = as_rows("data", by_name("data", data, columns), flow.event_shape)
    contexts = as_rows("context", context_by_name(flow, of_context, context), (flow.context,))
    if rows is not None and flow.context and (contexts is None or len(contexts) != len(rows)):
        raise ArgumentError("this flow needs one row of context for each row of data", key="context")
    require_rows(rows, contexts, columns, of_context)
    warn_of_raw_rows(flow, rows, columns)
    return Given(columns, of_context, rows, contexts)


FAR = 10.0
"""Deviations from 0, or factors from a deviation of 1, from which on networks with weights about 1 do not train."""


def warn_of_raw_rows(flow: Flow, rows: np.ndarray | None, columns: Sequence[Column]) -> None:
    """Warns where a flow whose units were never set has rows that are far from 0 and 1."""
    if rows is None or flow.standardize is None or flow.standardize.initialized or flow.bounds is not None:
        return
    mean, scale = np.abs(rows.mean(0)), rows.std(0)
    far = (mean > FAR * np.maximum(scale, 1)) | (scale > FAR) | (scale < 1 / FAR)
    if far.any():
        place = int(np.argmax(far))
        units = f"mean {rows.mean(0)[place]:.4g} and deviation {scale[place]:.4g}"
        warnings.warn(
            f"data: column {columns[place].name!r} has {units}, and the flow's units were never set: "
            "call flow.standardize_by(x) before training",
            stacklevel=5,
        )


def names_of(given: object) -> list[str] | None:
    """The names that a table brings, if it has any."""
    frame = None if given is None else frame_of(given)
    return None if frame is None else frame.columns


def by_name(name: str, given: object, columns: Sequence[Column]) -> object:
    """Columns of a table with names as an array; anything else as it is."""
    frame = None if given is None else frame_of(given)
    return given if frame is None else frame.numbers(name, [column.name for column in columns])


def context_by_name(flow: Flow, columns: Sequence[Column], context: object) -> object:
    """A context of names, labels and numbers as numbers."""
    return context if context is None or not flow.context else context_array(columns, context)


def as_rows(name: str, given: object, event_shape: tuple[int, ...]) -> np.ndarray | None:
    """Rows of a shape, float64, or None."""
    if given is None:
        return None
    if event_shape == (0,):
        raise ArgumentError("this flow takes none", key=name)
    array = as_numbers(name, given).astype(np.float64, copy=False)
    if array.shape[1:] != event_shape or not len(array) or not np.isfinite(array).all():
        expected = ", ".join(map(str, event_shape))
        raise ArgumentError(f"expected finite numbers [rows, {expected}], got shape {array.shape}", key=name)
    return array
