"""The numbers and texts of a tensor, held to its shape and type before anything is made of them."""

from __future__ import annotations

__all__ = ["DATATYPES", "numbers_of", "rows_of", "texts_of"]

from collections.abc import Iterable

import numpy as np

from .messages import FlatTensor, Tensor
from .refusal import Refusal

DATATYPES = {np.dtype(np.float32): "FP32", np.dtype(np.float64): "FP64"}

SPELLED = {"-Infinity": -np.inf, "Infinity": np.inf, "NaN": np.nan}
"""Texts that stand for numbers, since JSON has none for them."""

MOST_DEPTH = 8


def rows_of(tensor: Tensor, row: list[int], datatype: str, most: int) -> int:
    """How many rows a tensor claims to have.

    Raises:
        Refusal: for another type, another shape of a row, or more rows than a request may have.
    """
    if tensor.datatype != datatype:
        raise Refusal(400, "wrong_dtype", f"{tensor.name}: expected datatype {datatype}, got {tensor.datatype[:40]!r}")
    if not tensor.shape or tensor.shape[1:] != row:
        expected = ", ".join(map(str, [-1, *row]))
        raise Refusal(400, "wrong_shape", f"{tensor.name}: expected shape [{expected}], got {tensor.shape}")
    count = tensor.shape[0]
    if count > most:
        raise Refusal(413, "too_large", f"{tensor.name}: {count:,} rows, and a request may have {most:,}")
    return count


def numbers_of(tensor: Tensor, count: int, dtype: np.dtype) -> list[float] | memoryview:
    """The numbers of a tensor, flat: a list, or the bytes that came.

    Raises:
        Refusal: where there are more or fewer than the shape says, or what is no number.
    """
    data = tensor.data
    if type(data) is memoryview:
        if len(data) != count * dtype.itemsize:
            wanted = f"{count * dtype.itemsize} bytes of {tensor.datatype}"
            raise Refusal(400, "wrong_size", f"{tensor.name}: shape {tensor.shape} is {wanted}, got {len(data)}")
        return data
    if isinstance(tensor, FlatTensor) and tensor.data is not None and len(tensor.data) == count:
        return tensor.data
    numbers = [number_of(tensor, item) for item in flat(tensor, data, count)]
    if len(numbers) != count:
        message = f"{tensor.name}: shape {tensor.shape} is {count} numbers, got {len(numbers)}"
        raise Refusal(400, "wrong_shape", message)
    return numbers


def texts_of(tensor: Tensor, count: int) -> list[str | float]:
    """The cells of a tensor of BYTES, flat: texts, or numbers where JSON has them.

    Raises:
        Refusal: where there are more or fewer than the shape says, or what is neither.
    """
    data = tensor.data
    cells: list[object] = [*(packed(tensor, data) if type(data) is memoryview else flat(tensor, data, count))]
    if len(cells) != count:
        raise Refusal(400, "wrong_shape", f"{tensor.name}: shape {tensor.shape} is {count} cells, got {len(cells)}")
    return [text_of(tensor, cell) for cell in cells]


def packed(tensor: Tensor, data: memoryview) -> Iterable[str]:
    """The elements of BYTES in binary: of each its length in four bytes, little endian, and then itself."""
    start = 0
    while start < len(data):
        size = int.from_bytes(data[start : start + 4], "little")
        start += 4 + size
        if start > len(data):
            raise Refusal(400, "wrong_size", f"{tensor.name}: an element of {size} bytes goes beyond the tensor")
        try:
            yield str(data[start - size : start], "utf-8")
        except UnicodeDecodeError as error:
            raise Refusal(400, "wrong_dtype", f"{tensor.name}: an element is not UTF-8") from error


def flat(tensor: Tensor, data: object, count: int, depth: int = 0) -> Iterable[object]:
    """The items of nested lists, one after the other."""
    if type(data) is not list or depth == MOST_DEPTH:
        raise Refusal(400, "wrong_shape", f"{tensor.name}: data is not a list, flat or nested as its shape says")
    for item in data:
        if type(item) is list:
            yield from flat(tensor, item, count, depth + 1)
        else:
            yield item


def text_of(tensor: Tensor, cell: object) -> str | float:
    """A text, or a number where JSON has one."""
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        raise Refusal(400, "wrong_dtype", f"{tensor.name}: expected texts, got {str(cell)[:40]!r}")
    return cell


def number_of(tensor: Tensor, item: object) -> float:
    """A number, or a text that stands for one."""
    if type(item) is float or type(item) is int:
        try:
            return float(item)
        except OverflowError as error:
            raise Refusal(400, "wrong_dtype", f"{tensor.name}: {str(item)[:40]}… is too large a number") from error
    if type(item) is str and item in SPELLED:
        return float(SPELLED[item])
    raise Refusal(400, "wrong_dtype", f"{tensor.name}: expected numbers, got {str(item)[:40]!r}")
