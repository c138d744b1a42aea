"""Arrays of a bundle: .npy version 1.0, little-endian float32 or float64, C order."""

from __future__ import annotations

__all__ = ["read_npy"]

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BundleError

MAGIC = b"\x93NUMPY\x01\x00"
HEADER = re.compile(
    r"\{'descr': '(<f4|<f8)', 'fortran_order': False, 'shape': \((\d{1,10}(?:, \d{1,10})*)?,?\), \} *\n"
)
"""The header as NumPy writes it. Nothing of it is evaluated."""


def read_npy(data: bytes, where: str) -> NDArray[Any]:
    """The array of an .npy file, which is only looked at, not copied.

    Arguments:
        data: the file.
        where: its path, for messages.

    Raises:
        BundleError: for anything but such an array, whole.
    """
    length = int.from_bytes(data[8:10], "little")
    header = HEADER.fullmatch(data[10 : 10 + length].decode("latin-1"))
    if data[:8] != MAGIC or header is None:
        raise BundleError(f"{where}: is not an .npy file of version 1.0 with <f4 or <f8 in C order")
    shape = tuple(int(size) for size in (header[2] or "").split(", ") if size)
    dtype = np.dtype(header[1])
    body = memoryview(data)[10 + length :]
    if len(body) != math.prod(shape) * dtype.itemsize:
        raise BundleError(f"{where}: {len(body)} bytes do not fill the shape {list(shape)} of {dtype}")
    return np.frombuffer(body, dtype).reshape(shape)
