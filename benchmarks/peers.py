"""Everything that can say log_prob and sample of a flow: flowexport and its peers, each as a function to be timed.

A peer is made for a flow, which may raise, and then for a verb, rows and threads. Rows are latents for ``sample``:
what is compared is the flow, not the noise.
"""

from __future__ import annotations

__all__ = ["OURS", "PEERS", "PLAIN", "SAME_WEIGHTS", "ZUKO", "Call", "Peer", "of_flowexport", "of_zuko"]

import ctypes
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

import flowexport

from .flows import Flows, nflows_flow, normflows_flow

Array = np.ndarray[Any, np.dtype[Any]]
Call = Callable[[], Any]
Peer = Callable[[str, Array, int], Call]
"""Verb, rows ``[rows, features]`` and threads → the call to time, which gives an array or a tensor."""

OURS, ZUKO, PLAIN = "flowexport", "zuko", "torch.onnx export"
RUNTIME = "flowexport, ONNX Runtime"

ALL_ROWS = """
#include <stddef.h>

void flow(const void *, void *);

void flow_rows(const float *x, float *out, size_t rows, size_t width, size_t out_width) {
    for (size_t row = 0; row < rows; ++row) flow(x + row * width, out + row * out_width);
}
"""
"""Around generated C, whose batch is fixed: row by row takes no longer than blocks of 64 would."""

COMPILER = ("gcc", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")
COMPILE_SECONDS = 120.0
"""A compiler of C may take this long."""


def of_flowexport(flows: Flows, engine: str = "auto") -> Peer:
    """Our bundle through the Python API."""

    def call(verb: str, x: Array, threads: int) -> Call:
        model = flowexport.load(flows.bundle, device="cpu", threads=threads, engine=engine)
        return (lambda: model.log_prob(x)) if verb == "log_prob" else (lambda: model.sample_from(x))

    return call


def in_torch(functions: dict[str, Callable[[Any], Any]], compiled: bool = False) -> Peer:
    """Functions of a tensor in PyTorch, without gradients; compiled ones once for any number of rows.

    PyTorch makes code of its own for a single row.
    """
    if compiled:
        torch._dynamo.reset()
        functions = {verb: torch.compile(function, dynamic=True) for verb, function in functions.items()}

    def call(verb: str, x: Array, threads: int) -> Call:
        function, tensor = functions[verb], torch.from_numpy(x)
        return torch.no_grad()(lambda: function(tensor))

    return call


def of_zuko(flows: Flows) -> Peer:
    """zuko, its distribution made once: that is how it is fastest, and without a context nothing asks for another."""
    density = flows.zuko()
    return in_torch({"log_prob": density.log_prob, "sample": density.transform.inv})


def of_zuko_compiled(flows: Flows) -> Peer:
    flow = flows.zuko
    return in_torch({"log_prob": lambda x: flow().log_prob(x), "sample": lambda z: flow().transform.inv(z)}, True)


def of_nflows(flows: Flows, compiled: bool = False) -> Peer:
    flow = nflows_flow(flows.shape).eval().requires_grad_(False)
    return in_torch({"log_prob": flow.log_prob, "sample": lambda z: flow._transform.inverse(z)[0]}, compiled)


def of_normflows(flows: Flows, compiled: bool = False) -> Peer:
    flow = normflows_flow(flows.shape).eval().requires_grad_(False)
    return in_torch({"log_prob": flow.log_prob, "sample": flow.forward}, compiled)


def of_plain_export(flows: Flows) -> Peer:
    """The plain export of zuko's flow, on ONNX Runtime with its defaults but for the threads."""
    plain = flows.plain

    def call(verb: str, x: Array, threads: int) -> Call:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        run = onnxruntime.InferenceSession(plain[verb], options, providers=["CPUExecutionProvider"]).run
        return lambda: run(None, {"x": x})[0]

    return call


def of_openvino(flows: Flows) -> Peer:
    """Our graphs in OpenVINO, compiled for the number of rows, in float32, arrays shared and not copied."""
    import openvino

    core = openvino.Core()

    def call(verb: str, x: Array, threads: int) -> Call:
        model = core.read_model(flows.graph(verb))
        model.reshape(list(x.shape))
        # On some processors it would otherwise compute in bfloat16.
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        request = core.compile_model(model, "CPU", settings).create_infer_request()
        return lambda: request.infer([x], share_inputs=True, share_outputs=True)[0]

    return call


def of_generated_c(flows: Flows) -> Peer:
    """C source generated from our graphs for one row, called row by row from C; one thread is all that it has."""
    functions: dict[str, Any] = {}

    def call(verb: str, x: Array, threads: int) -> Call:
        if verb not in functions:
            functions[verb] = ctypes.CDLL(str(generated(flows.graph(verb), flows.folder))).flow_rows
        out = np.empty(x.shape if verb == "sample" else len(x), np.float32)
        pointers = [ctypes.c_void_p(each.ctypes.data) for each in (x, out)]
        sizes = [ctypes.c_size_t(each) for each in (len(x), x.shape[1], out.size // len(out))]

        def all_rows() -> Array:
            functions[verb](*pointers, *sizes)
            return out

        return all_rows

    return call


def generated(graph: Path, folder: Path) -> Path:
    """A shared library of a graph."""
    source = folder / f"{graph.parent.name}_{graph.stem}.c"
    around, library = source.with_name(f"{source.stem}_rows.c"), source.with_suffix(".so")
    generator = Path(sys.executable).parent / "emx-onnx-cgen"
    # All weights in the source: a large model would otherwise read them from a file of its own.
    options = ["--input-dim", "batch=1", "--model-name", "flow", "--large-weight-threshold", "0"]
    program([str(generator), "compile", *options, str(graph), str(source)])
    around.write_text(ALL_ROWS, encoding="utf-8")
    program([*COMPILER, str(source), str(around), "-o", str(library), "-lm"])
    return library


def program(words: list[str]) -> None:
    """Runs a program; its first complaint is the reason where it fails.

    Raises:
        RuntimeError: where it fails or takes too long.
    """
    name = Path(words[0]).name
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=COMPILE_SECONDS)
    except FileNotFoundError:
        raise RuntimeError(f"{name} is not installed") from None
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{name} takes longer than {COMPILE_SECONDS:.0f} s") from None
    if done.returncode:
        errors = [line for line in (done.stderr + done.stdout).splitlines() if "rror" in line]
        raise RuntimeError(f"{name}: {(errors or [f'ended by status {done.returncode}'])[0]}")


PEERS: dict[str, Callable[[Flows], Peer]] = {
    OURS: of_flowexport,
    RUNTIME: partial(of_flowexport, engine="onnxruntime"),
    ZUKO: of_zuko,
    "zuko, compiled": of_zuko_compiled,
    "nflows": of_nflows,
    "nflows, compiled": lambda flows: of_nflows(flows, True),
    "normflows": of_normflows,
    "normflows, compiled": lambda flows: of_normflows(flows, True),
    PLAIN: of_plain_export,
    "OpenVINO, our graph": of_openvino,
    "generated C, our graph": of_generated_c,
}
"""Name → what makes it."""

SAME_WEIGHTS = (OURS, RUNTIME, ZUKO, "zuko, compiled", PLAIN, "OpenVINO, our graph", "generated C, our graph")
"""Peers that must give the same numbers; nflows and normflows have weights of their own."""
