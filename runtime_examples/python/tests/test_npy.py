"""Arrays: what NumPy writes is read, whatever else is refused."""

import io

import numpy as np
import pytest
from flowbundle import BundleError
from flowbundle.npy import read_npy
from numpy.typing import NDArray


def npy(array: NDArray[np.generic], version: tuple[int, int] = (1, 0)) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version)
    return stream.getvalue()


@pytest.mark.parametrize("shape", [(), (0,), (5,), (3, 2), (2, 3, 4, 5)])
@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_an_array_is_read_as_it_was_written(shape: tuple[int, ...], dtype: str) -> None:
    array = np.random.default_rng(0).normal(size=shape).astype(dtype)
    found = read_npy(npy(array), "x.npy")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


GOOD = npy(np.zeros((3, 2), np.float32))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD[:9],
        GOOD[:40],
        b"PK" + GOOD[2:],
        npy(np.zeros((3, 2), ">f4")),
        npy(np.zeros((3, 2), "<i4")),
        npy(np.zeros((3, 2), np.float32, order="F")),
        npy(np.zeros((3, 2), np.float32), version=(2, 0)),
        GOOD.replace(b"(3, 2)", b"(-3,2)"),
        GOOD.replace(b"'descr'", b"__xxx__"),
    ],
)
def test_another_kind_of_file_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match=r"x\.npy: is not an \.npy file"):
        read_npy(data, "x.npy")


@pytest.mark.parametrize("data", [GOOD[:-1], GOOD + b"\0", GOOD.replace(b"(3, 2)", b"(9, 9)")])
def test_numbers_that_do_not_fill_the_shape_are_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match="do not fill"):
        read_npy(data, "x.npy")
