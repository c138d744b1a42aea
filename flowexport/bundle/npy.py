"""Arrays in a bundle: .npy version 1.0, C order, little endian, numbers only."""

__all__ = ["npy_bytes", "read_npy"]

import io
import math
import re

import numpy as np

from flowexport.errors import BundleError

from .text import shown

MAGIC = b"\x93NUMPY"

HEADER = re.compile(
    rb"\{'descr': '(?P<descr>[^']{1,20})', 'fortran_order': (?P<fortran>True|False), "
    rb"'shape': \((?P<shape>|\d{1,10},|\d{1,10}(?:, \d{1,10}){1,7})\), \} *\n"
)
"""As numpy writes it, of up to eight axes."""

KINDS = {"<f4", "<f8", "<i4", "<i8", "<u4", "<u8", "<f2", "<i2", "<u2", "|i1", "|u1"}
"""Little-endian numbers."""

LARGEST = 2**31
"""Bytes that a shape may claim, those of axes without an entry counted as one."""


def npy_bytes(array: np.ndarray) -> bytes:
    """The bytes of an .npy file."""
    array = np.ascontiguousarray(array)
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array.astype(array.dtype.newbyteorder("<")), version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def read_npy(data: bytes, where: str) -> np.ndarray:
    """The array of an .npy file.

    The header is a literal of Python, which numpy evaluates; here it has one form, the one that numpy writes, so that
    no other can raise what it likes or claim what is not there.

    Raises:
        BundleError: for another version, order or kind of element, or a size that does not fit.
    """
    if data[:6] != MAGIC or len(data) < 10:
        raise BundleError("is not an .npy file", file=where)
    if data[6:8] != b"\x01\x00":
        raise BundleError(f".npy version {(data[6], data[7])}, expected (1, 0)", file=where)
    end = 10 + int.from_bytes(data[8:10], "little")
    header = HEADER.fullmatch(data[10:end])
    if header is None:
        raise BundleError("is not an .npy file whose header can be read", file=where)
    kind, fortran = header["descr"].decode("ascii", "replace"), header["fortran"] == b"True"
    if fortran or kind not in KINDS:
        reason = f"expected little-endian numbers in C order, got {shown(kind)} (fortran={fortran})"
        raise BundleError(reason, file=where)
    shape = tuple(int(size) for size in re.findall(rb"\d+", header["shape"]))
    dtype = np.dtype(kind)
    # Of no rows as well: what is as wide as this cannot be a row of anything.
    if math.prod(max(size, 1) for size in shape) * dtype.itemsize > LARGEST:
        raise BundleError(f"claims the shape {shape}, more than a file may hold", file=where)
    if len(data) - end != math.prod(shape) * dtype.itemsize:
        raise BundleError(f"{len(data) - end} bytes do not fill the shape {shape} of {dtype}", file=where)
    return np.frombuffer(data, dtype=dtype, offset=end).reshape(shape)
