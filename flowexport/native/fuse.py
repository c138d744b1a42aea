"""Leaves out what nothing reads, and writes an expression where its numbers are read once, not through a buffer."""

from __future__ import annotations

__all__ = ["fused"]

import dataclasses
from collections import Counter

from .form import Apply, Constant, Elementwise, Expression, Form, Load, Operation, Run, loads


def fused(form: Form) -> Form:
    """The same form in fewer operations."""
    form = dataclasses.replace(form, operations=needed(form))
    inlined = read_once(form)
    operations = tuple(
        Elementwise(each.out, tuple(Run(run.start, run.length, spread(run.expression, inlined)) for run in each.runs))
        if isinstance(each, Elementwise)
        else each
        for each in form.operations
        if each.out not in inlined
    )
    return dataclasses.replace(form, operations=operations)


def needed(form: Form) -> tuple[Operation, ...]:
    """The operations whose results are read, at last, by the output."""
    read = {output.buffer for output in form.outputs if isinstance(output, Load)}
    kept: list[Operation] = []
    for operation in reversed(form.operations):
        if operation.out in read:
            kept.append(operation)
            read.update(load.buffer for load, _ in loads(operation))
    return tuple(reversed(kept))


def read_once(form: Form) -> dict[int, Expression]:
    """Buffers of one run each of whose numbers one expression reads at most once, and that expression's own."""
    readers = Counter(output.buffer for output in form.outputs if isinstance(output, Load))
    whole = dict.fromkeys(readers, False)
    for operation in form.operations:
        for load, count in loads(operation):
            readers[load.buffer] += 1
            direct = isinstance(operation, Elementwise) and (load.stride == 1 or count == 1)
            whole[load.buffer] = whole.get(load.buffer, True) and direct
    return {
        each.out: each.runs[0].expression
        for each in form.operations
        if isinstance(each, Elementwise) and len(each.runs) == 1 and readers[each.out] == 1 and whole[each.out]
    }


def spread(expression: Expression, inlined: dict[int, Expression]) -> Expression:
    """An expression with those of the buffers that it alone reads in it."""
    if isinstance(expression, Apply):
        return Apply(expression.function, tuple(spread(each, inlined) for each in expression.arguments))
    if isinstance(expression, Load) and expression.buffer in inlined:
        return moved(spread(inlined[expression.buffer], inlined), expression.base)
    return expression


def moved(expression: Expression, places: int) -> Expression:
    """An expression as it is so many places further on."""
    if places == 0:
        return expression
    match expression:
        case Apply():
            return Apply(expression.function, tuple(moved(each, places) for each in expression.arguments))
        case Load():
            return Load(expression.buffer, expression.base + places * expression.stride, expression.stride)
        case Constant():
            return expression if expression.values.ndim == 0 else Constant(expression.values[places:])
