"""The context of a request: one tensor of all columns, or a tensor for each by its name."""

from __future__ import annotations

__all__ = ["context_of"]

import numpy as np

from flowexport.runtime import Model

from .messages import Tensor
from .refusal import Refusal
from .values import numbers_of, texts_of


def context_of(model: Model, tensors: dict[str, Tensor], rows: int | None, datatype: str) -> np.ndarray:
    """The codes and numbers of contexts, ``[rows or 1, context]``.

    Arguments:
        model: that they are for.
        tensors: all inputs but x and z. ``context``, ``[n, context]`` or ``[context]``; or the columns by name,
            ``[n]`` or ``[n, 1]``, of BYTES where they are texts.
        rows: how many rows it is for, each with a context of its own or all with one; None: as many as there are.
        datatype: of numbers.

    Raises:
        Refusal, InputError: for whatever does not fit.
    """
    names = [feature.name for feature in model.context_features]
    strangers = [name for name in tensors if name != "context" and name not in names]
    if not model.context_size or strangers:
        known = ", ".join(["context", *names]) if model.context_size else "no context"
        raise Refusal(400, "unknown_input", f"inputs: {', '.join(strangers or tensors)} is unknown; there is {known}")
    if "context" in tensors and (len(tensors) == 1 or "context" not in names):
        if len(tensors) > 1:
            raise Refusal(400, "wrong_request", "inputs: context has all columns; leave out those by name")
        given = cells_of(model, tensors["context"], datatype, len(names))
        context = model.context(given)
    elif tensors or names:
        columns = {name: cells_of(model, tensor, datatype, 1) for name, tensor in tensors.items()}
        context = model.context({name: [row[0] for row in column] for name, column in columns.items()})
    if rows is not None and len(context) not in (1, rows):
        raise Refusal(400, "wrong_shape", f"context: {len(context)} rows, and there are {rows}")
    if not np.isfinite(context).all():
        raise Refusal(400, "missing_value", "context: holds what is no finite number")
    return context


def cells_of(model: Model, tensor: Tensor, datatype: str, columns: int) -> np.ndarray | list[list[str | float]]:
    """The cells of a tensor, row by row: an array, or lists where there are texts."""
    shape = tensor.shape
    # One column may be without its axis, and one context without that of the rows.
    if len(shape) == 1:
        shape = [shape[0], 1] if columns == 1 else [1, shape[0]]
    if len(shape) != 2 or shape[1] != columns:
        raise Refusal(400, "wrong_shape", f"{tensor.name}: expected shape [-1, {columns}], got {tensor.shape}")
    count = shape[0] * columns
    if tensor.datatype == "BYTES":
        cells = texts_of(tensor, count)
        return [cells[at : at + columns] for at in range(0, count, columns)]
    if tensor.datatype != datatype:
        message = f"{tensor.name}: expected datatype {datatype} or BYTES, got {tensor.datatype[:40]!r}"
        raise Refusal(400, "wrong_dtype", message)
    numbers = numbers_of(tensor, count, model.dtype)
    if isinstance(numbers, memoryview):
        return np.frombuffer(numbers, model.dtype.newbyteorder("<")).reshape(shape)
    return np.array(numbers).reshape(shape)
