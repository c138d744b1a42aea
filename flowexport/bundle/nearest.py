"""What stands beside a validator's message: the keys and values that there are, the nearest first."""

from __future__ import annotations

__all__ = ["with_choices"]

import re
from difflib import get_close_matches

import msgspec
from msgspec import inspect

UNKNOWN = re.compile(r"unknown field `(?P<given>[^`]*)`(?: - at `\$(?P<path>[^`]*)`)?")
ENUM = re.compile(r"Invalid enum value (?P<given>\S+)(?: - at `\$(?P<path>[^`]*)`)?")

SHOWN = 3
"""Keys that are offered for one that is unknown; values are all of them, since there are few."""

LIKE = 0.5
"""The least likeness by difflib: half of the letters in their order."""


def with_choices(message: str, kind: type[msgspec.Struct]) -> str:
    """A message of msgspec with the keys or the values that may stand at its place.

    Arguments:
        message: of a ``ValidationError``.
        kind: what was decoded.
    """
    if (found := UNKNOWN.search(message)) is not None:
        keys = [field.encode_name for part in at(kind, found["path"] or "") for field in getattr(part, "fields", ())]
        near = get_close_matches(found["given"], keys, SHOWN, LIKE)
        return message + (f"; did you mean {' or '.join(near)}?" if near else f"; there are {', '.join(keys)}")
    if (found := ENUM.search(message)) is not None:
        values = [value for part in at(kind, found["path"] or "") for value in getattr(part, "values", ())]
        return f"{message}; one of {', '.join(map(repr, values))}" if values else message
    return message


def at(kind: type[msgspec.Struct], path: str) -> list[inspect.Type]:
    """The types that may stand at a path such as ``.data.categorical[...]``."""
    found = alternatives(inspect.type_info(kind))
    for key, inner in re.findall(r"\.([^.\[]+)|(\[[^\]]*\])", path):
        below: list[inspect.Type] = []
        for part in found:
            if key:
                below += [field.type for field in getattr(part, "fields", ()) if field.encode_name == key]
            elif inner:
                below += [each for name in ("item_type", "value_type") if (each := getattr(part, name, None))]
        found = [each for part in below for each in alternatives(part)]
    return found


def alternatives(part: inspect.Type) -> list[inspect.Type]:
    """A type, or those of a union, without what only bounds them."""
    while isinstance(part, inspect.Metadata):
        part = part.type
    return [each for one in part.types for each in alternatives(one)] if isinstance(part, inspect.UnionType) else [part]
