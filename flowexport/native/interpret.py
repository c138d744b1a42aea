"""Computes a form with numpy, many rows at once: slow, and what every faster way is held to."""

from __future__ import annotations

__all__ = ["interpret"]

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .fold import FOLDS
from .form import Constant, Elementwise, Expression, Form, Linear, Load, Softmax

Array = npt.NDArray[np.float32]


def interpret(form: Form, rows: Mapping[str, Array]) -> Array:
    """The output of a form.

    Arguments:
        rows: ``[batch, *event]`` float32 for each input.

    Returns:
        ``[batch, *shape]`` float32.
    """
    count = len(rows[form.inputs[0].name])
    buffers = [np.empty((count, size), np.float32) for size in form.sizes]
    for each in form.inputs:
        buffers[each.buffer][:] = rows[each.name].reshape(count, -1)
    with np.errstate(all="ignore"):
        for operation in form.operations:
            out = buffers[operation.out]
            match operation:
                case Linear():
                    x = np.stack([stretch(buffers, each, len(operation.weights)) for each in operation.sources], 1)
                    sums = x @ operation.weights + operation.bias
                    out[:] = (FOLDS["relu"](sums) if operation.relu else sums).reshape(count, -1)
                case Softmax():
                    x = np.stack([stretch(buffers, source, operation.count) for source in operation.sources], 1)
                    powers = np.exp(x - x.max(axis=2, keepdims=True))
                    out[:] = (powers / powers.sum(axis=2, keepdims=True)).reshape(count, -1)
                case Elementwise():
                    for run in operation.runs:
                        out[:, run.start : run.start + run.length] = evaluate(buffers, run.expression, run.length)
    result = [evaluate(buffers, output, 1) for output in form.outputs]
    return np.concatenate([np.broadcast_to(each, (count, 1)) for each in result], 1).reshape(count, *form.shape)


def stretch(buffers: list[Array], load: Load, count: int) -> Array:
    """Numbers side by side of every row."""
    return buffers[load.buffer][:, load.base : load.base + count]


def evaluate(buffers: list[Array], expression: Expression, count: int) -> Array:
    """An expression at the places of a run, of every row: ``[batch, count]``, or what broadcasts to it."""
    match expression:
        case Constant():
            return expression.values[:count] if expression.values.ndim else expression.values
        case Load():
            return stretch(buffers, expression, count if expression.stride else 1)
        case _:
            arguments = (evaluate(buffers, each, count) for each in expression.arguments)
            return FOLDS[expression.function](*arguments)
