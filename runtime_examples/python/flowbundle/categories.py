"""Categories of a context, by their labels."""

from __future__ import annotations

__all__ = ["code_of"]

import re
from collections.abc import Sequence

from .errors import InputError
from .manifest import ContextFeature

DECIMAL = re.compile(r" *[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *")


def code_of(columns: Sequence[ContextFeature], column: str, label: str) -> int:
    """The code of a label in a column of the context.

    Raises:
        InputError: for a label that is no category, and where no column of that name has categories.
    """
    labels = next((each.categories for each in columns if each.name == column), None)
    if labels is None:
        raise InputError("wrong_value", f"context: no column {column!r} has categories")
    number = number_of(label)
    for code, each in enumerate(labels):
        if each.strip(" ") == label.strip(" ") or (number is not None and number_of(each) == number):
            return code
    raise InputError("unknown_category", f"context: {column}: {label!r} is no category ({', '.join(labels)})")


def number_of(text: str) -> float | None:
    """A decimal number, perhaps with spaces around it."""
    return float(text) if DECIMAL.fullmatch(text) else None
