"""The last scale and shift before a mixture are part of its components."""

from __future__ import annotations

__all__ = ["without_exit_of_mixtures"]

from dataclasses import replace

from ..program import Mixture, Program, ScaleShift


def without_exit_of_mixtures(program: Program) -> Program:
    """A program → one without a `ScaleShift` before a `Mixture`."""
    layers, base = list(program.layers), program.base
    while isinstance(base, Mixture) and layers and isinstance(layers[-1], ScaleShift):
        last = layers.pop()
        assert isinstance(last, ScaleShift)
        base = replace(base, means=(base.means - last.shift) / last.scale, scales=base.scales / last.scale)
    return replace(program, layers=tuple(layers), base=base)
