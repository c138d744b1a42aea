"""JSON that has one reading: no key twice, no number beyond float64, no text that hides what it says.

Of two equal keys Python takes the last and C the first, so that one file would be two models.
"""

from __future__ import annotations

__all__ = ["Json", "decode_json", "text_fault"]

import json
import math
from typing import NoReturn, TypeAlias

from .text import shown, unprintable

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
"""What a document may be."""

DIGITS = 400
"""More than any whole number of float64 has; Python's own limit is a setting of the interpreter."""

PATH = 200
"""Characters of a key's path that a message shows."""


def decode_json(data: bytes) -> Json:
    """Reads one JSON document.

    Arguments:
        data: UTF-8, without a byte order mark.

    Raises:
        ValueError: for what is no JSON, or has a second reading; the message names the key.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        raise ValueError("begins with a byte order mark; save it as UTF-8 without one")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 text (byte {error.start})") from error
    try:
        document: Json = json.loads(
            text, object_pairs_hook=pairs, parse_float=finite, parse_int=whole, parse_constant=no_number
        )
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) or "Unterminated string" in error.msg
        raise ValueError(f"is not JSON ({error}){'; it is cut short' if cut else ''}") from error
    except RecursionError as error:
        raise ValueError("is not JSON that can be read (nested too deeply)") from error
    fault = text_fault(document)
    if fault is not None:
        raise ValueError(fault)
    return document


def pairs(found: list[tuple[str, Json]]) -> dict[str, Json]:
    """An object whose keys are all different."""
    made = dict(found)
    if len(made) < len(found):
        seen: set[str] = set()
        twice = next(key for key, _ in found if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {shown(twice)} is there twice")
    return made


def finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {shown(text)} is beyond float64")
    return number


def whole(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError(f"the number {shown(text)} is beyond float64")
    return int(text)


def no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def text_fault(document: object) -> str | None:
    """Where a document holds a text, or a key, with a character that may not stand there; or None."""
    waiting: list[tuple[str, object]] = [("", document)]
    while waiting:
        where, value = waiting.pop()
        where = where[:PATH]
        if isinstance(value, str) and (character := unprintable(value)):
            return f"{where}: {shown(value)} holds {character}"
        if isinstance(value, dict):
            for key in value:
                if character := unprintable(key):
                    return f"{where or 'the document'}: the key {shown(key)} holds {character}"
            waiting += [(f"{where}.{key}" if where else key, each) for key, each in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(f"{where}[{index}]", each) for index, each in reversed([*enumerate(value)])]
    return None
