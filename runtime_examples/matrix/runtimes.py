"""The runtimes of the matrix."""

from __future__ import annotations

__all__ = ["PROGRAMS", "RUNTIMES", "Program", "Runtime"]

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Runtime:
    """A runtime from PyPI, in an environment of its own.

    Arguments:
        name: as people call it.
        adapter: the function of adapters.py that runs it.
        requirements: what is installed for it; the first one's version is the runtime's.
        block: the size of the batches that it is given, for runtimes that know only one; None for any.
        bare: requirements that are installed without what they ask for.
        with_torch: whether the environment also sees the packages of the one that this runs in.
    """

    name: str
    adapter: str
    requirements: tuple[str, ...]
    block: int | None = None
    bare: tuple[str, ...] = ()
    with_torch: bool = False


@dataclass(frozen=True)
class Program:
    """A program of runtime_examples, which replays the golden cases itself.

    Arguments:
        name: of the language, and what it runs on.
        folder: in runtime_examples.
        version: finds out the version of its runtime.
        environment: variables that choose the runtime.
    """

    name: str
    folder: str
    version: Callable[[], str]
    environment: tuple[tuple[str, str], ...] = ()


def of_interpreter() -> str:
    """The version of ONNX Runtime in the interpreter that this runs in."""
    return str(import_module("onnxruntime").__version__)


def of_library() -> str:
    """The version of the ONNX Runtime that onnxruntime.sh finds for the native programs."""
    done = subprocess.run([EXAMPLES / "onnxruntime.sh", "library"], capture_output=True, text=True)
    return first_of(r"\bversion (\d[\d.]*\d)", done.stderr)


def of_file(name: str, pattern: str) -> Callable[[], str]:
    """The version that a file of a program's folder asks for."""
    return lambda: first_of(pattern, (EXAMPLES / name).read_text(encoding="utf-8"))


def first_of(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""


TRACT = of_file("rust/Cargo.toml", r"tract-onnx\b.*?(\d[\d.]+\d)")
JAVA = of_file("java/pom.xml", r"onnxruntime</artifactId>\s*<version>(\d[\d.]+\d)")
NODE = of_file("node/package.json", r'"onnxruntime-node": "\D*(\d[\d.]+\d)')
WEB = of_file("web/package.json", r'"onnxruntime-web": "\D*(\d[\d.]+\d)')

PROGRAMS = [
    Program("Python, onnxruntime", "python", of_interpreter),
    Program("C, ONNX Runtime", "c", of_library),
    Program("C++, ONNX Runtime", "cpp", of_library),
    Program("Rust, ort", "rust", of_library),
    Program("Rust, tract", "rust", TRACT, (("FLOW_BACKEND", "tract"),)),
    Program("Go, onnxruntime_go", "go", of_library),
    Program("Java, onnxruntime", "java", JAVA),
    Program("Node, onnxruntime-node", "node", NODE),
    Program("Chromium, onnxruntime-web", "web", WEB),
]

ONNX_RUNTIMES = ("onnxruntime==1.18.1", "onnxruntime==1.23.2", "onnxruntime==1.29.0", "onnxruntime==1.30.0")
"""1.18 is the first that reads IR 10."""

RUNTIMES = [
    *(
        Runtime("ONNX Runtime", "onnxruntime", (version, "numpy<2" if version.endswith("1.18.1") else "numpy"))
        for version in (*ONNX_RUNTIMES, "onnxruntime==1.31.1", "onnxruntime")
    ),
    Runtime("ONNX reference evaluator", "onnx", ("onnx", "numpy")),
    Runtime("OpenVINO", "openvino", ("openvino", "numpy")),
    Runtime("OpenCV DNN", "opencv", ("opencv-python-headless", "numpy")),
    Runtime("MNN", "mnn", ("MNN", "numpy")),
    Runtime("tract", "tract", ("tract", "numpy")),
    Runtime("Apache TVM", "tvm", ("apache-tvm", "numpy", "onnx")),
    Runtime("emx-onnx-cgen, plain C", "emx", ("emx-onnx-cgen", "numpy"), block=1),
    Runtime("tinygrad", "tinygrad", ("tinygrad", "numpy", "onnx"), block=256),
    Runtime("LiteRT, onnx2tf", "litert", ("ai-edge-litert", "onnx2tf")),
    Runtime("nxrt", "nxrt", ("nxrt", "numpy")),
    Runtime("PyTorch, onnx2torch", "onnx2torch", (), bare=("onnx2torch", "torchvision"), with_torch=True),
    Runtime("PyTorch, onnx2pytorch", "onnx2pytorch", (), bare=("onnx2pytorch", "torchvision"), with_torch=True),
    Runtime("JAX, jaxonnxruntime", "jaxonnxruntime", ("jaxonnxruntime", "jax", "onnx", "absl-py", "numpy"), block=256),
    Runtime("IREE", "iree", ("iree-base-compiler[onnx]", "iree-base-runtime", "numpy")),
    Runtime("ncnn, pnnx", "ncnn", ("ncnn", "numpy"), block=256, bare=("pnnx",)),
]
