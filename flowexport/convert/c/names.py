"""Names of a bundle as names of C."""

from __future__ import annotations

__all__ = ["distinct", "in_comment", "model_name", "name_of"]

import re
import unicodedata
from collections.abc import Iterable

from flowexport.bundle.text import UNPRINTABLE

RESERVED = {"all", "clean", "flowexport_kernels", "golden", "help", "install", "package", "test"}
"""Targets of make and CMake, and files that are there already."""


def name_of(text: str) -> str:
    """A name as lower-case letters, digits and underscores, the first a letter."""
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    name = re.sub("[^a-z0-9]+", "_", plain).strip("_")[:60]
    return name if name[:1].isalpha() else f"n{name}"


def model_name(text: str) -> str:
    """A name of files, functions and targets of a build, none of which has a meaning of its own."""
    name = name_of(text)
    return f"{name}_flow" if name in RESERVED else name


def distinct(prefix: str, texts: Iterable[str], taken: set[str]) -> list[str]:
    """Names of several things behind a prefix, in upper case, none of them taken; they are then."""
    names: list[str] = []
    for text in texts:
        name = f"{prefix}_{name_of(text).upper()}"
        found, number = name, 2
        while found in taken:
            found, number = f"{name}_{number}", number + 1
        names.append(found)
        taken.add(found)
    return names


def in_comment(text: str) -> str:
    """A stranger's text in one line, which ends no comment."""
    return UNPRINTABLE.sub(" ", text).replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?").replace("\\", "/")
