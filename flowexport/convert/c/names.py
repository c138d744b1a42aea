"""Names of a bundle as names of C."""

from __future__ import annotations

__all__ = ["distinct", "in_comment", "name_of"]

import re
import unicodedata
from collections.abc import Iterable

from flowexport.bundle.text import UNPRINTABLE


def name_of(text: str) -> str:
    """A name as lower-case letters, digits and underscores, the first a letter."""
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    name = re.sub("[^a-z0-9]+", "_", plain).strip("_")[:60]
    return name if name[:1].isalpha() else f"n{name}"


def distinct(texts: Iterable[str]) -> list[str]:
    """Names of several things, in upper case, none of them twice."""
    names: list[str] = []
    for text in texts:
        name = name_of(text).upper()
        found, number = name, 2
        while found in names:
            found, number = f"{name}_{number}", number + 1
        names.append(found)
    return names


def in_comment(text: str) -> str:
    """A stranger's text in one line, which ends no comment."""
    return UNPRINTABLE.sub(" ", text).replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?").replace("\\", "/")
