"""Numbers that are written as text, read as pyarrow reads them."""

from __future__ import annotations

__all__ = ["no_number", "number_of"]

import re

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
NOT_FINITE = re.compile(r"[+-]?(inf|infinity|nan(\(\w*\))?)", re.ASCII | re.IGNORECASE)
"""Read as what they are, so that a message can say of a row that it holds an infinity."""


def number_of(cell: str, decimal: str) -> float | None:
    """The float64 nearest to a decimal number, spaces around it left out; None for anything else."""
    text = cell.strip(" ")
    if decimal == ",":
        text = text.replace(",", ".") if "." not in text else "."
    if NOT_FINITE.fullmatch(text):
        return float(text.partition("(")[0])
    return float(text) if NUMBER.fullmatch(text) else None


def no_number(column: str, cell: str, decimal: str) -> str:
    """What is said of a cell that is none."""
    other = "," if decimal == "." else "."
    cured = number_of(cell, other) is not None
    hint = f"; the decimal sign is taken to be {decimal!r} (--decimal {other} reads it)" if cured else ""
    return f"column {column!r} holds {cell.strip(' ')!r}, not a number{hint}"
