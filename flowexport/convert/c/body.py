"""The operations of a form as statements of C on one array of scratch numbers."""

from __future__ import annotations

__all__ = ["Body", "body_of"]

from dataclasses import dataclass, field

import numpy as np

from flowexport.convert.storage import Weights, stored
from flowexport.native.form import Apply, Constant, Elementwise, Expression, Form, Linear, Load, Run, Softmax
from flowexport.native.place import Placement, place

from .literals import array, literal

INFIX = {
    **{"add": "+", "sub": "-", "mul": "*", "div": "/"},
    **{"ge": ">=", "gt": ">", "lt": "<", "le": "<=", "eq": "=="},
}
COMPARISONS = ("ge", "gt", "lt", "le", "eq")

PANELS = (16, 4, 1)
"""Widths of panels of outputs; ``product.c.in`` reads them."""

TYPES = {"float32": "float", "float16": "uint16_t", "int8": "int8_t"}

PLACES = 1 << 16
"""From so many inputs on, a place does not fit the list of those that are not 0."""


@dataclass
class Constants:
    """Arrays of constants of a file, each once."""

    names: dict[tuple[str, bytes], str] = field(default_factory=dict)
    definitions: list[str] = field(default_factory=list)

    def name(self, numbers: np.ndarray) -> str:
        """The name of an array of one axis, of float32, float16 (as its bits) or int8."""
        kind = TYPES[numbers.dtype.name]
        key = (kind, numbers.tobytes())
        if key not in self.names:
            self.names[key] = f"constants_{len(self.names)}"
            kept = numbers.view(np.uint16) if kind == "uint16_t" else numbers
            self.definitions.append(array(f"static const {kind} {self.names[key]}[{numbers.size}]", kept))
        return self.names[key]


@dataclass(frozen=True)
class Body:
    """What a function does for one row.

    Arguments:
        statements: on ``s``, with the inputs in place.
        placement: of buffers in ``s``.
        most_inputs: of the products that pass over zeros, for the list of places; 0 where there is none.
        kinds: how weights are kept, in the order in which they come.
    """

    statements: list[str]
    placement: Placement
    most_inputs: int
    kinds: list[str]


def body_of(form: Form, weights: Weights, constants: Constants) -> Body:
    """The statements of a form."""
    writer = Writer(place(form), weights, constants)
    for operation in form.operations:
        match operation:
            case Linear():
                writer.linear(operation)
            case Softmax():
                for group, source in enumerate(operation.sources):
                    target = writer.at(operation.out, group * operation.count)
                    writer.statements.append(f"fx_softmax({writer.at(source)}, {operation.count}, {target});")
            case Elementwise():
                for run in operation.runs:
                    writer.run(operation.out, run)
    return Body(writer.statements, writer.placement, writer.most_inputs, writer.kinds)


class Writer:
    """Statements so far."""

    def __init__(self, placement: Placement, weights: Weights, constants: Constants) -> None:
        self.placement = placement
        self.weights = weights
        self.constants = constants
        self.statements: list[str] = []
        self.kinds: list[str] = []
        self.most_inputs = 0

    def place(self, buffer: int, base: int = 0) -> int:
        """The place of a number of a buffer in the scratch array."""
        return self.placement.offsets[buffer] + base

    def at(self, load: Load | int, base: int = 0) -> str:
        """The address of a number."""
        return f"s + {self.place(load.buffer, load.base) if isinstance(load, Load) else self.place(load, base)}"

    def linear(self, product: Linear) -> None:
        """The calls of a product, one a group."""
        kept = stored(product, self.weights)
        kind = kept.numbers.dtype.name
        if kind not in self.kinds:
            self.kinds.append(kind)
        inputs, outputs = product.weights.shape
        scales = [self.constants.name(each) for each in (kept.rows, kept.columns) if each is not None]
        known = ", ".join([*scales, self.constants.name(in_panels(kept.numbers)), self.constants.name(product.bias)])
        skips = product.sparse and inputs < PLACES
        for group, source in enumerate(product.sources):
            filled = f"NULL, {inputs}"
            if skips:
                self.most_inputs = max(self.most_inputs, inputs)
                self.statements.append(f"filled = fx_filled({self.at(source)}, {inputs}, places);")
                filled = "places, filled"
            written = f"{outputs}, {int(product.relu)}, {self.at(product.out, group * outputs)}"
            self.statements.append(f"product_{kind}({self.at(source)}, {filled}, {inputs}, {known}, {written});")

    def run(self, out: int, run: Run) -> None:
        """A loop, or one statement."""
        first = self.place(out, run.start)
        if run.length == 1:
            self.statements.append(f"s[{first}] = {bare(self.text(run.expression, None))};")
        else:
            body = f"s[{first} + i] = {bare(self.text(run.expression, run.length))};"
            self.statements += [f"for (int i = 0; i < {run.length}; ++i)", f"    {body}"]

    def text(self, expression: Expression, count: int | None) -> str:
        """An expression at the place ``i`` of a loop of ``count``, or of a lone number."""
        match expression:
            case Constant():
                if expression.values.ndim and count is not None:
                    return f"{self.constants.name(expression.values[:count])}[i]"
                number = literal(expression.values.ravel()[0])
                return f"({number})" if number.startswith("-") else number
            case Load():
                place = self.place(expression.buffer, expression.base)
                return f"s[{place} + i]" if expression.stride and count is not None else f"s[{place}]"
            case Apply():
                return self.applied(expression, count)

    def applied(self, expression: Apply, count: int | None) -> str:
        """A function of expressions, in parentheses where it needs them."""
        function, arguments = expression.function, expression.arguments
        if function == "where":
            condition, *values = arguments
            return f"({self.condition(condition, count)} ? {' : '.join(self.text(each, count) for each in values)})"
        if function in COMPARISONS:
            return f"({self.condition(expression, count)} ? 1.0f : 0.0f)"
        parts = [self.text(each, count) for each in arguments]
        if function in INFIX:
            return f"({parts[0]} {INFIX[function]} {parts[1]})"
        return f"(-{parts[0]})" if function == "neg" else f"fx_{function}({', '.join(parts)})"

    def condition(self, expression: Expression, count: int | None) -> str:
        """Whether an expression is true."""
        if isinstance(expression, Apply) and expression.function in COMPARISONS:
            left, right = (self.text(each, count) for each in expression.arguments)
            return f"{left} {INFIX[expression.function]} {right}"
        return f"{self.text(expression, count)} != 0.0f"


def bare(text: str) -> str:
    """A whole expression without the parentheses around it."""
    depth = 0
    for end, letter in enumerate(text, 1):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0:
            return text[1:-1] if end == len(text) and text[0] == "(" else text
    return text


def in_panels(weights: np.ndarray) -> np.ndarray:
    """Weights ``[K, N]`` flat, panel by panel."""
    parts, start = [], 0
    for width in PANELS:
        while start + width <= weights.shape[1]:
            parts.append(weights[:, start : start + width].ravel())
            start += width
    return np.concatenate(parts)
