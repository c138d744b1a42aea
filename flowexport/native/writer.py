"""Operations of a form in the words of the prebuilt kernel."""

from __future__ import annotations

__all__ = ["PANEL", "Codes", "Writer"]

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .form import Apply, Constant, Elementwise, Expression, Linear, Load, Operation, Run, Softmax
from .instructions import instruction_of

PANEL = 16
"""Columns of weights that lie together, and what scratch and weights are aligned to."""

FEW_OUTPUTS = 4
"""Up to so many outputs a product is a dot product each: a panel would be nearly empty."""

EACH, STILL, EACH_KNOWN, KNOWN = range(4)
"""What an operand is: numbers side by side, one for all; the same of the weights."""


class Codes(NamedTuple):
    """The numbers of operations and of elementwise functions, as the kernel that is installed has them."""

    operations: dict[str, int]
    functions: dict[str, int]

    @classmethod
    def of(cls, operations: Sequence[str], functions: Sequence[str]) -> Codes:
        """From the names in order."""
        return cls(*({name: code for code, name in enumerate(names)} for names in (operations, functions)))


@dataclass
class Writer:
    """A program as it is written.

    Arguments:
        codes: of the kernel.
        offsets: of buffers in scratch.
        placed: numbers of scratch that buffers take; what is between operations lies behind them.
    """

    codes: Codes
    offsets: dict[int, int]
    placed: int
    scratch: int = 0
    code: list[int] = field(default_factory=list)
    weights: list[np.ndarray] = field(default_factory=list)
    weight_count: int = 0
    known: dict[bytes, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scratch = self.placed

    def write(self, operation: Operation) -> None:
        """Writes one operation of the form."""
        out = self.offsets[operation.out]
        match operation:
            case Linear():
                self.linear(operation, out)
            case Softmax():
                for place, source in enumerate(operation.sources):
                    at = out + place * operation.count
                    self.operation("softmax", self.at(source), at, operation.count)
            case Elementwise():
                self.elementwise(operation.runs, out)

    def operation(self, name: str, *words: int) -> None:
        """Appends an operation."""
        self.code += [self.codes.operations[name], *words]

    def linear(self, product: Linear, out: int) -> None:
        """Products by one matrix."""
        inputs, outputs = product.weights.shape
        few = outputs <= FEW_OUTPUTS and not product.relu
        weights = self.weight(product.weights.T if few else panels(product.weights))
        bias = self.weight(product.bias)
        for place, source in enumerate(product.sources):
            where = self.at(source), out + place * outputs, inputs, outputs
            if few:
                self.operation("dot", *where, weights, bias)
            else:
                self.operation("linear", *where, int(product.relu), int(product.sparse), weights, bias)

    def elementwise(self, runs: Sequence[Run], out: int) -> None:
        """Runs of expressions; numbers that are only moved go together."""
        moved: list[int] = []
        start = 0
        for run in runs:
            if isinstance(run.expression, Load):
                start = start if moved else run.start
                base, stride = self.at(run.expression), run.expression.stride
                moved += [base + stride * place for place in range(run.length)]
                continue
            self.move(moved, out + start)
            moved = []
            self.expression(run.expression, out + run.start, run.length, self.placed)
        self.move(moved, out + start)

    def move(self, places: list[int], out: int) -> None:
        """Numbers from anywhere to one stretch."""
        if places:
            self.operation("gather", out, len(places), *places)

    def expression(self, expression: Expression, out: int, count: int, free: int) -> None:
        """One expression; its parts come first, into scratch from `free` on."""
        function, arguments = instruction_of(expression)
        words: list[int] = []
        for argument in arguments:
            if isinstance(argument, Apply):
                self.expression(argument, free, count, free + room_of(count))
                words += [EACH, free]
                free += room_of(count)
            else:
                words += self.operand(argument, count)
        self.scratch = max(self.scratch, free)
        # A function of fewer operands is given the last one again.
        words += words[-2:] * (3 - len(arguments))
        self.operation("elementwise", self.codes.functions[function], out, count, *words)

    def operand(self, operand: Load | Constant, count: int) -> tuple[int, int]:
        """The kind and the place of what is there already."""
        if isinstance(operand, Load):
            return (EACH if operand.stride or count == 1 else STILL), self.at(operand)
        if operand.values.ndim == 0:
            return KNOWN, self.weight(operand.values.reshape(1))
        return EACH_KNOWN, self.weight(operand.values[:count])

    def at(self, load: Load) -> int:
        """Where a load begins in scratch."""
        return self.offsets[load.buffer] + load.base

    def weight(self, numbers: np.ndarray) -> int:
        """Where numbers lie in the weights; the same ones once."""
        flat = np.ascontiguousarray(numbers, np.float32).ravel()
        key = flat.tobytes()
        if key not in self.known:
            self.known[key] = self.weight_count
            self.weights += [flat, np.zeros(-len(flat) % PANEL, np.float32)]
            self.weight_count += room_of(len(flat))
        return self.known[key]

    def output(self, output: Load | Constant) -> int:
        """A number of the output."""
        return self.at(output) if isinstance(output, Load) else -1 - self.weight(output.values.reshape(1))


def room_of(count: int) -> int:
    """Numbers of whole panels."""
    return -(-count // PANEL) * PANEL


def panels(weights: np.ndarray) -> np.ndarray:
    """``[K, N]`` as ``[N / 16, K, 16]``, with zeros behind the last column."""
    inputs, outputs = weights.shape
    wide = np.zeros((inputs, room_of(outputs)), np.float32)
    wide[:, :outputs] = weights
    return wide.reshape(inputs, -1, PANEL).transpose(1, 0, 2)
