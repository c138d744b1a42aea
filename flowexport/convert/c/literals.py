"""Numbers as C writes them."""

from __future__ import annotations

__all__ = ["array", "literal"]

import textwrap

import numpy as np


def literal(number: np.floating | np.integer | float) -> str:
    """A number, shortest of those that read back the same; a float32 with its suffix."""
    if isinstance(number, np.integer):
        return str(int(number))
    suffix = "f" if isinstance(number, np.float32) else ""
    if np.isnan(number):
        return "FX_NAN"
    if np.isinf(number):
        return "FX_INFINITY" if number > 0 else "-FX_INFINITY"
    size = abs(float(number))
    if size == 0 or 1e-4 <= size < 1e7:
        return np.format_float_positional(number, unique=True, trim="0") + suffix
    return np.format_float_scientific(number, unique=True, trim="0") + suffix


def array(declaration: str, numbers: np.ndarray) -> str:
    """The definition of an array of one axis, or of two."""
    if numbers.ndim == 2:
        rows = ",\n".join(f"    {{{', '.join(map(literal, row))}}}" for row in numbers)
        return f"{declaration} = {{\n{rows}}};\n"
    listed = textwrap.fill(
        ", ".join(map(literal, numbers)), 118, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
    )
    return f"{declaration} = {{\n{listed}}};\n"
