"""Rewritings of a program: each moves work out of the graph and into the weights, and changes no number.

A pass takes a program and gives one. They come in one order; a docstring says what form a pass takes and gives.
"""

from __future__ import annotations

__all__ = ["PASSES", "lean", "turns"]

from collections.abc import Callable

from ..program import Program
from .constants import without_constants
from .context import without_context_scales
from .mixture import without_exit_of_mixtures
from .order import without_reorders
from .scales import scales_to_the_exit
from .shifts import shifts_onward, shifts_to_the_entrance
from .splines import unit_splines
from .whole import turns, whole

PASSES: tuple[Callable[[Program], Program], ...] = (
    without_reorders,
    without_constants,
    unit_splines,
    scales_to_the_exit,
    shifts_to_the_entrance,
    shifts_onward,
    without_exit_of_mixtures,
    without_context_scales,
    whole,
)
"""All passes, in their order."""


def lean(program: Program) -> Program:
    """A program in the form that graphs are written from."""
    for each in PASSES:
        program = each(program)
    return program
