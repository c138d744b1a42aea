"""Arrays of any library as numbers of numpy: what numpy would drop without a word is taken along or refused."""

from __future__ import annotations

__all__ = ["as_numbers"]

import numpy as np

from flowexport.errors import InputError


def as_numbers(name: str, given: object, texts: bool = False) -> np.ndarray:
    """An array, a tensor or nested lists as an array of numbers.

    Tensors of torch come with or without a gradient, and from any device; bfloat16 becomes float32, in which each of
    its values is exact.

    Arguments:
        name: what a message begins with.
        given: of any shape.
        texts: whether objects and texts are left as they are.

    Raises:
        InputError: for rows of different lengths, masked cells (by row, the first is 1), and what is no real number:
            texts, dates, complex numbers.
    """
    if type(given).__module__.partition(".")[0] == "torch" and hasattr(given, "detach"):
        tensor = given.detach().cpu()
        given = tensor.float() if tensor.dtype.itemsize < 4 and tensor.dtype.is_floating_point else tensor
    try:
        array = np.asanyarray(given)
    except ValueError as error:
        raise InputError("wrong_shape", f"rows of different lengths ({error})", key=name) from error
    if isinstance(array, np.ma.MaskedArray):
        if np.ma.is_masked(array):
            place = np.argwhere(np.ma.getmaskarray(array))[0]
            where = f"row {place[0] + 1}" + "".join(f", column {column}" for column in place[1:])
            raise InputError("missing_value", f"{where} is masked, and holds no value; leave such rows out", key=name)
        array = array.data
    array = np.asarray(array)
    if array.dtype.kind == "V" and "float" in array.dtype.name:  # bfloat16 and the like, of ml_dtypes
        array = array.astype(np.float32)
    if array.dtype.kind not in "fiub" and not (texts and array.dtype.kind in "OUST"):
        raise InputError("wrong_dtype", f"expected numbers, got {array.dtype}", key=name)
    return array
