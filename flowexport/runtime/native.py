"""The prebuilt kernel as an engine: float32 flows of vectors on the CPU, in microseconds."""

from __future__ import annotations

__all__ = ["Native", "NativeGraph"]

import os
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import NoReturn

import numpy as np

from flowexport.bundle import Bundle, known
from flowexport.errors import BundleError, EngineError, extras_named
from flowexport.native.program import MOST_RUNS, program_of
from flowexport.native.read import read_form
from flowexport.native.writer import Codes

from .blocks import rows_a_block, widest
from .device import Device
from .engine import Quick, Signature, Tensor, in_words, signature_of
from .tensors import refuse_tensor

LEVEL = "FLOWEXPORT_NATIVE_LEVEL"
"""The environment variable that names the instruction set, in place of the best that the processor has."""


class NativeGraph:
    """One graph as a program of the kernel. It may be used from several threads at once, and in a forked child.

    Arguments:
        bundle: open.
        name: of the graph.
        signature: what it takes and gives.

    Raises:
        EngineError: for an operator that the kernel does not know.
    """

    def __init__(self, bundle: Bundle, name: str, signature: Signature) -> None:
        kernel = kernel_module()
        try:
            form = read_form(bundle, name, MOST_RUNS)
            program = program_of(form, Codes.of(kernel.OPERATIONS, kernel.FUNCTIONS))
            self.runner = kernel.Runner(
                program.code,
                program.weights,
                program.scratch,
                program.inputs,
                program.outputs,
                program.shape,
                highest_codes(bundle),
            )
        except (BundleError, ValueError) as error:
            raise EngineError(str(error)) from error
        self.signature = signature
        self.provider = kernel.level()

    def run(self, *inputs: np.ndarray) -> np.ndarray:
        """One run on float32 arrays, in the order of the signature; the result is a new array."""
        result: np.ndarray = self.runner.run(*map(as_read, inputs))
        return result

    def run_into(self, inputs: Sequence[np.ndarray], out: np.ndarray) -> None:
        """One run on arrays of any type of number, into a contiguous float32 array."""
        self.runner.run_into(*map(as_read, inputs), out)


class Native:
    """A bundle in the prebuilt kernel.

    Arguments:
        bundle: open.
        device: the CPU.
        why: it was chosen.

    Raises:
        MissingExtra: where the kernel is not installed.
        EngineError: for a bundle of images or of float64, or with an operator that the kernel does not know.
    """

    name = "native"
    title = "flowexport-native"
    most_threads = None
    __repr__ = in_words

    def __init__(self, bundle: Bundle, device: Device, why: str) -> None:
        manifest = bundle.manifest
        if manifest.dtype != "float32" or len(manifest.event_shape) != 1:
            raise EngineError(f"{bundle.path}: the kernel runs vectors of float32, and this is another bundle")
        self.device, self.why, self.provider = device, why, kernel_module().level()
        self.block_rows = rows_a_block(manifest.event_shape, device.kind, widest(manifest.graphs.values()))
        graphs = {
            kind.name: NativeGraph(bundle, kind.name, signature_of(bundle.spec(kind.name)))
            for kind in known(manifest.graphs)
        }
        self.graphs: Mapping[str, NativeGraph] = graphs
        runners = {name: graph.runner for name, graph in graphs.items()}
        self.quick = Quick(
            runners["log_prob"].score if "log_prob" in runners else None,
            runners["sample"].draw if "sample" in runners else None,
        )

    def tensors(self, x: Tensor) -> NoReturn:
        """Refuses every tensor: the CPU reads arrays."""
        refuse_tensor(x, self.device)


def as_read(rows: np.ndarray) -> np.ndarray:
    """Rows as the kernel reads them: of float32, in C order, on a multiple of four bytes, as a message may not have."""
    return np.require(rows, np.float32, ("C_CONTIGUOUS", "ALIGNED"))


def highest_codes(bundle: Bundle) -> np.ndarray:
    """Of each number of a context its highest code, −1 where it is of no category, ``[context]`` int32."""
    return np.array([column.codes - 1 for column in bundle.manifest.context_columns], np.int32)


@cache
def kernel_module() -> ModuleType:
    """The kernel, on the instruction set that `LEVEL` names.

    Raises:
        MissingExtra: where it is not installed.
        EngineError: for an instruction set that this processor lacks.
    """
    with extras_named():
        import flowexport_native
    wanted = os.environ.get(LEVEL)
    try:
        flowexport_native.level(wanted)
    except ValueError as error:
        known = ", ".join(flowexport_native.levels())
        raise EngineError(f"{LEVEL}={wanted}: {error}; it has {known}") from error
    module: ModuleType = flowexport_native
    return module
