"""Arrays in a bundle: .npy version 1.0, C order, little endian, numbers only."""

__all__ = ["npy_bytes", "read_npy"]

import io
import math

import numpy as np

from flowexport.errors import BundleError


def npy_bytes(array: np.ndarray) -> bytes:
    """The bytes of an .npy file."""
    array = np.ascontiguousarray(array)
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array.astype(array.dtype.newbyteorder("<")), version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def read_npy(data: bytes, where: str) -> np.ndarray:
    """The array of an .npy file.

    Raises:
        BundleError: for another version, order or kind of element, or a size that does not fit.
    """
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise BundleError(f"{where}: .npy version {version}, expected (1, 0)")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    except ValueError as error:
        raise BundleError(f"{where}: is not an .npy file ({error})") from error
    if fortran or dtype.kind not in "fiu" or dtype.byteorder == ">":
        raise BundleError(f"{where}: expected little-endian numbers in C order, got {dtype} (fortran={fortran})")
    body = data[stream.tell() :]
    if len(body) != math.prod(shape) * dtype.itemsize:
        raise BundleError(f"{where}: {len(body)} bytes do not fill the shape {shape} of {dtype}")
    return np.frombuffer(body, dtype=dtype).reshape(shape)
