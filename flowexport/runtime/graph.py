"""One graph of a bundle in ONNX Runtime: arrays in, an array out."""

from __future__ import annotations

__all__ = ["Graph"]

import math
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowexport.errors import BundleError

from .device import Device, import_onnxruntime, open_session
from .engine import Signature

if TYPE_CHECKING:
    from onnxruntime import IOBinding, RunOptions

BOUND_NUMBERS = 1 << 14
"""Up to so many numbers are copied into buffers that stay bound: quicker than the 6 µs of binding the caller's own."""

KEPT_SHAPES = 16
"""Numbers of rows whose buffers a thread keeps."""


class Bound(NamedTuple):
    """Buffers that ONNX Runtime reads and writes in place."""

    binding: IOBinding
    inputs: tuple[np.ndarray, ...]
    output: np.ndarray


class Graph:
    """A session on the CPU, run over bindings. It may be used from several threads at once, and in a forked child.

    Arguments:
        data: the ONNX file, the very bytes that were hashed.
        device: from `flowexport.runtime.device.resolve`.
        signature: what it takes and gives.
        where: the file's path, for messages.
        apart: as `flowexport.runtime.device.open_session` has it.

    Raises:
        DeviceError, BundleError: where it cannot be opened.
    """

    def __init__(self, data: bytes, device: Device, signature: Signature, where: str, apart: bool = False) -> None:
        self.device, self.signature, self.where = device, signature, where
        self.session = open_session(data, device, where, apart)
        self._few = BOUND_NUMBERS // sum(map(math.prod, (*signature.inputs.values(), signature.row)))
        self._value = import_onnxruntime().OrtValue.ortvalue_from_numpy
        self._local = threading.local()

    @property
    def provider(self) -> str:
        """The execution provider that the session has."""
        return str(self.session.get_providers()[0])

    def run(self, *inputs: np.ndarray) -> np.ndarray:
        """One run, with an input of each name in the order of the signature; the result is a new array."""
        rows = len(inputs[0])
        if rows <= self._few:
            return self._run_bound(rows, inputs).copy()
        out = np.empty((rows, *self.signature.row), self.signature.dtype)
        self.run_into(inputs, out)
        return out

    def run_into(self, inputs: Sequence[np.ndarray], out: np.ndarray) -> None:
        """One run on inputs of any type of number, into a contiguous array of the graph's.

        But for a few rows neither that array nor contiguous inputs of its type are copied.
        """
        if len(out) <= self._few:
            out[...] = self._run_bound(len(out), inputs)
            return
        binding = self.session.io_binding()
        for name, given in zip(self.signature.inputs, inputs, strict=True):
            binding.bind_cpu_input(name, np.ascontiguousarray(given, self.signature.dtype))
        binding.bind_ortvalue_output(self.signature.output, self._value(out))
        self._run(binding)

    def _run_bound(self, rows: int, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """One run in this thread's buffers; the result is overwritten by the next."""
        try:
            bound: Bound = self._local.bound[rows]
        except (AttributeError, KeyError):
            bound = self._bind(rows)
        for buffer, given in zip(bound.inputs, inputs, strict=False):
            buffer[...] = given
        self._run(bound.binding)
        return bound.output

    def _bind(self, rows: int) -> Bound:
        """Buffers for a number of rows, which this thread keeps."""
        signature = self.signature
        known = self._local.__dict__.setdefault("bound", {})
        if len(known) == KEPT_SHAPES:
            del known[next(iter(known))]
        inputs = tuple(np.empty((rows, *row), signature.dtype) for row in signature.inputs.values())
        output = np.empty((rows, *signature.row), signature.dtype)
        binding = self.session.io_binding()
        for name, buffer in zip(signature.inputs, inputs, strict=True):
            binding.bind_ortvalue_input(name, self._value(buffer))
        binding.bind_ortvalue_output(signature.output, self._value(output))
        known[rows] = bound = Bound(binding, inputs, output)
        return bound

    def _run(self, binding: IOBinding, options: RunOptions | None = None) -> None:
        """Runs the session on a binding.

        Raises:
            BundleError: with the reason, where it cannot.
        """
        try:
            self.session.run_with_iobinding(binding, options)
        except Exception as error:  # ONNX Runtime raises many kinds, of a module without public names
            reason = str(error).strip().splitlines()[0][:300]
            raise BundleError(f"cannot be run: {reason}", file=self.where) from error
