"""One function a runtime: an ONNX file in, a function from the inputs to the one output out.

Each is called in an environment of its own, so what it needs is imported inside. ``Graph.rows`` is the size of
the batch, which only some have to know.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Run = Callable[[dict[str, Array]], Any]

TOOLS = Path(sys.executable).parent
"""Where the programs of this environment's packages are."""


@dataclass(frozen=True)
class Graph:
    """A graph to be loaded.

    Arguments:
        file: the ONNX file, a copy of its own in the working folder.
        rows: the size of the batches that it will be given.
        inputs: name → shape behind the batch axis, in the order that they will be given in.
        output: its name.
        output_shape: behind the batch axis.
    """

    file: Path
    rows: int
    inputs: dict[str, list[int]]
    output: str
    output_shape: list[int]


def onnxruntime(graph: Graph) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(graph.file.read_bytes(), providers=["CPUExecutionProvider"])
    return lambda inputs: session.run([graph.output], inputs)[0]


def onnx(graph: Graph) -> Run:
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(str(graph.file))
    return lambda inputs: evaluator.run([graph.output], inputs)[0]


def openvino(graph: Graph) -> Run:
    import openvino

    core = openvino.Core()
    # On some processors it would otherwise compute in bfloat16.
    model = core.compile_model(core.read_model(graph.file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda inputs: model(inputs)[graph.output]


def opencv(graph: Graph) -> Run:
    import cv2

    net = cv2.dnn.readNetFromONNX(str(graph.file))

    def run(inputs: dict[str, Array]) -> Array:
        for name, array in inputs.items():
            net.setInput(array, name)
        return np.array(net.forward(graph.output))

    return run


def mnn(graph: Graph) -> Run:
    # MNN.tools, which wraps this, installs packages and calls home as soon as it is imported.
    import _tools
    import MNN.expr
    import MNN.nn

    converted = f"{graph.file.stem}.mnn"
    words = ["-f", "ONNX", "--modelFile", str(graph.file), "--MNNModel", converted, "--keepInputFormat", "1"]
    _tools.mnnconvert(["mnnconvert", *words, "--bizCode", "flow"])
    runtime = MNN.nn.create_runtime_manager(({"backend": "CPU", "precision": "high", "numThread": 1},))
    net = MNN.nn.load_module_from_file(converted, list(graph.inputs), [graph.output], runtime_manager=runtime)

    def run(inputs: dict[str, Array]) -> Array:
        given = [MNN.expr.const(a.ravel().tolist(), list(a.shape), MNN.expr.NCHW) for a in inputs.values()]
        return np.array(net.forward(given)[0].read())

    return run


def tract(graph: Graph) -> Run:
    import tract

    model = tract.onnx().load(str(graph.file)).into_model().into_runnable()
    return lambda inputs: model.run(list(inputs.values()))[0].to_numpy()


def tvm(graph: Graph) -> Run:
    import onnx
    import tvm
    from tvm import relax
    from tvm.relax.frontend.onnx import from_onnx

    built = tvm.compile(from_onnx(onnx.load(graph.file), keep_params_in_input=False), target="llvm")
    machine = relax.VirtualMachine(built, tvm.cpu())
    return lambda inputs: machine["main"](*map(tvm.runtime.tensor, inputs.values())).numpy()


def iree(graph: Graph) -> Run:
    import iree.runtime
    import onnx
    from iree.compiler.extras import onnx_importer

    mlir, built = Path(f"{graph.file.stem}.mlir"), Path(f"{graph.file.stem}.vmfb")
    # Of Softsign it knows nothing, but its importer can read what ONNX says that an operator is made of.
    config = onnx_importer.Config(function_expansion_allowlists_by_domain={"": {"Softsign"}})
    inferred = onnx.shape_inference.infer_shapes(onnx.load(graph.file), data_prop=True)
    info = onnx_importer.ModelInfo(inferred, config=config)
    module = info.create_module().operation
    onnx_importer.NodeImporter.define_function(info.main_graph, module).import_all()
    mlir.write_text(str(module), encoding="utf-8")
    target = ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"]
    command(TOOLS / "iree-compile", *target, "--iree-llvmcpu-target-cpu=host", mlir, "-o", built)
    context = iree.runtime.SystemContext(config=iree.runtime.Config("local-sync"))
    context.add_vm_module(iree.runtime.VmModule.mmap(context.instance, str(built)))
    function = context.modules.module[graph.file.stem]
    return lambda inputs: function(*inputs.values()).to_host()


def ncnn(graph: Graph) -> Run:
    import ncnn

    shapes = ",".join(f"[{graph.rows},{','.join(map(str, shape))}]" for shape in graph.inputs.values())
    (package,) = find_spec("pnnx").submodule_search_locations  # to import it would need torch
    said = command(Path(package) / "pnnx", graph.file, f"inputshape={shapes}", "fp16=0")
    unknown = set(re.findall(r"^todo \w+", said, re.MULTILINE))
    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    for half in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(net.opt, f"use_{half}", False)
    if net.load_param(f"{graph.file.stem}.ncnn.param") or net.load_model(f"{graph.file.stem}.ncnn.bin"):
        raise RuntimeError(f"ncnn cannot load what pnnx made of it ({', '.join(sorted(unknown))})")

    def run(inputs: dict[str, Array]) -> Array:
        extractor = net.create_extractor()
        for name, array in zip(net.input_names(), inputs.values(), strict=True):
            extractor.input(name, ncnn.Mat(array.copy()))
        return np.array(extractor.extract(net.output_names()[0])[1]).reshape(-1, *graph.output_shape)

    return run


def emx(graph: Graph) -> Run:
    source, library = Path(f"{graph.file.stem}.c"), Path(f"{graph.file.stem}.so").absolute()
    # All weights in the source: a large model would otherwise read them from a file of its own.
    options = ["--input-dim", f"batch={graph.rows}", "--model-name", "flow", "--large-weight-threshold", "0"]
    command(TOOLS / "emx-onnx-cgen", "compile", *options, graph.file, source)
    command("cc", "-O1", "-shared", "-fPIC", source, "-o", library, "-lm")
    function = ctypes.CDLL(str(library)).flow

    def run(inputs: dict[str, Array]) -> Array:
        output = np.empty((graph.rows, *graph.output_shape), np.float32)
        function(*(ctypes.c_void_p(array.ctypes.data) for array in (*inputs.values(), output)))
        return output

    return run


def tinygrad(graph: Graph) -> Run:
    # Debian's clang may have a name with its version.
    names = [f"clang-{version}" for version in range(30, 10, -1)]
    os.environ |= {"DEV": "CPU:CLANG", "CC": next(filter(shutil.which, names), "clang")}
    from tinygrad import Tensor
    from tinygrad.nn.onnx import OnnxRunner

    runner = OnnxRunner(str(graph.file))
    return lambda inputs: runner({name: Tensor(array) for name, array in inputs.items()})[graph.output].numpy()


def litert(graph: Graph) -> Run:
    import onnx2tf
    from ai_edge_litert.interpreter import Interpreter

    # LiteRT has no Softsign: it takes that of the TensorFlow that has made the file.
    onnx2tf.convert(str(graph.file), non_verbose=True)
    runner = Interpreter(f"saved_model/{graph.file.stem}_float32.tflite", num_threads=1).get_signature_runner()
    return lambda inputs: runner(**inputs)[graph.output]


def nxrt(graph: Graph) -> Run:
    import nxrt

    session = nxrt.InferenceSession(str(graph.file), providers=["CPUExecutionProvider"])
    return lambda inputs: session.run([graph.output], inputs)[0]


def onnx2torch(graph: Graph) -> Run:
    from onnx2torch import convert

    return in_torch(convert(str(graph.file)))


def onnx2pytorch(graph: Graph) -> Run:
    import onnx
    from onnx2pytorch import ConvertModel

    # "Experimental" is its word for batches of more than one row.
    return in_torch(ConvertModel(onnx.load(graph.file), experimental=True))


def in_torch(module: Any) -> Run:
    import torch

    def run(inputs: dict[str, Array]) -> Array:
        with torch.no_grad():
            result: Array = module(*map(torch.from_numpy, inputs.values())).numpy()
        return result

    return run


def jaxonnxruntime(graph: Graph) -> Run:
    import onnx
    from jaxonnxruntime.backend import Backend

    prepared = Backend.prepare(onnx.load(graph.file))
    return lambda inputs: prepared.run(inputs)[0]


def command(*words: str | Path) -> str:
    """Runs a program and gives all that it said; where it fails, its first complaint is the reason."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, errors="replace")
    if done.returncode:
        name, lines = Path(words[0]).name, (done.stderr + done.stdout).splitlines()
        ended = f"ended by signal {-done.returncode}" if done.returncode < 0 else f"ended by status {done.returncode}"
        # Numbers of lines and values differ from model to model, the reason does not.
        errors = [re.sub(r"%\d+", "%", line.partition("error: ")[2]) for line in lines if "error: " in line]
        raise RuntimeError(f"{name}: {(errors or [ended])[0]}")
    return done.stderr + done.stdout
