"""A form as a program of the prebuilt kernel: operations and weights as data, as `native/kernel/program.h` has them."""

from __future__ import annotations

__all__ = ["MOST_RUNS", "Program", "program_of"]

from dataclasses import dataclass

import numpy as np

from .form import Form
from .place import place
from .writer import PANEL, Codes, Writer


@dataclass(frozen=True, eq=False)
class Program:
    """What the kernel takes.

    Arguments:
        code: int32; operations, one after the other.
        weights: float32.
        scratch: numbers of one row.
        inputs: ``[inputs, 2]`` int32: first place in scratch, or −1 where nothing reads it, and width.
        outputs: int32: a place in scratch, or −1 − a place in the weights.
        shape: of a row of the outputs.
    """

    code: np.ndarray
    weights: np.ndarray
    scratch: int
    inputs: np.ndarray
    outputs: np.ndarray
    shape: tuple[int, ...]


MOST_RUNS = 3
"""A run costs the kernel what a product of eight numbers by fifty costs it."""


def program_of(form: Form, codes: Codes) -> Program:
    """The program of a form."""
    placement = place(form, PANEL)
    writer = Writer(codes, placement.offsets, placement.scratch)
    for operation in form.operations:
        writer.write(operation)
    inputs = [(placement.offsets.get(each.buffer, -1), form.sizes[each.buffer]) for each in form.inputs]
    outputs = [writer.output(each) for each in form.outputs]
    return Program(
        np.array(writer.code, np.int32),
        np.concatenate([np.zeros(0, np.float32), *writer.weights]),
        max(writer.scratch, PANEL),
        np.array(inputs, np.int32),
        np.array(outputs, np.int32),
        form.shape,
    )
