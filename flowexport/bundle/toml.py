"""TOML of strangers: held to what a reader takes in reasonable time, before it is read."""

from __future__ import annotations

__all__ = ["require_short_keys"]

import re

PARTS = 16
"""Parts that a key may have; ours have three at most."""

SPACE = re.compile(r"[ \t]++")
QUOTED = re.compile(r""""(?:[^"\\\n]|\\.){0,100}+"|'[^'\n]{0,100}+'""")
"""A part in quotes; of longer ones no file has room for enough to matter."""

LONG_KEY = re.compile(rf"(?<![\w-])(?:[\w-]++ ?\. ?){{{PARTS}}}")


def require_short_keys(text: str) -> None:
    """Refuses a key of many parts, ``a.a.a…``: Python's reader takes time and memory with their number squared.

    Raises:
        ValueError: with what is wrong.
    """
    if LONG_KEY.search(QUOTED.sub("q", SPACE.sub(" ", text))):
        raise ValueError(f"a key of more than {PARTS} parts")
