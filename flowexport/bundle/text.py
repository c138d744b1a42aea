"""Text that a stranger wrote: what may stand in it, and how a message shows it."""

from __future__ import annotations

__all__ = ["FILE_NAME", "shown", "unprintable"]

import re

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls, terminal escapes among them; separators of lines; marks that turn the direction of writing; and halves of
surrogate pairs: what is read would not be what is seen."""

FILE_NAME = r"^[A-Za-z0-9_-](\.?[A-Za-z0-9_-])*(/[A-Za-z0-9_-](\.?[A-Za-z0-9_-])*)*$"
"""Letters that have no look-alike, and no name that a file system would read as another."""


def unprintable(text: str) -> str | None:
    """The first character that may not stand in a text, as its number (``U+001B``), or None."""
    if text.isascii() and text.isprintable():
        return None
    found = UNPRINTABLE.search(text)
    return None if found is None else f"U+{ord(found.group()):04X}"


def shown(text: str, most: int = 60) -> str:
    """A text as a message quotes it: shortened, nothing in it that a terminal would obey."""
    return ascii(text if len(text) <= most else f"{text[:most]}…")
