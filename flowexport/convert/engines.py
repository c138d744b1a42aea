"""A bundle's graphs in the files of other engines, held to the golden cases as these engines compute them."""

from __future__ import annotations

__all__ = ["openvino_files", "ort_files"]

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from flowexport.bundle import Bundle, directions_of
from flowexport.errors import ArgumentError, extras_named
from flowexport.runtime.device import import_onnxruntime

from .precision import Precision, answers_of, costs_of, precision_json
from .storage import Weights

Compute = Callable[[Mapping[str, np.ndarray]], np.ndarray]
"""The output of a graph, of inputs by their names."""


def ort_files(
    bundle: Bundle, weights: Weights = "float32", max_nats: float | None = None, name: str | None = None
) -> tuple[dict[str, bytes], dict[str, Precision]]:
    """A bundle in ONNX Runtime's own format, and the operators that a reduced build of it needs.

    Arguments and results are those of `c_files`; weights stay as they are.

    Raises:
        ArgumentError: for other weights, or a name: the files are the graphs'.
        CheckFailed: where a golden case does not hold.
    """
    refuse("--to ort", {"--weights": weights != "float32", "--name": name is not None})
    onnxruntime = import_onnxruntime()
    files: dict[str, bytes] = {}
    found: dict[str, Compute] = {}
    with tempfile.TemporaryDirectory() as folder:
        for graph in directions_of(bundle.manifest.graphs):
            path = Path(folder) / f"{graph}.ort"
            data, _ = bundle.graph(graph)
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 4
            # Basic: what goes beyond writes operators of one build and one processor.
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
            options.optimized_model_filepath = str(path)
            options.add_session_config_entry("session.save_model_format", "ORT")
            onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
            files[path.name] = path.read_bytes()
            session = onnxruntime.InferenceSession(files[path.name], providers=["CPUExecutionProvider"])
            found[graph] = lambda inputs, session=session: session.run(None, dict(inputs))[0]  # type: ignore[misc]
        files["required_operators.config"] = operators_of(Path(folder))
    return held(bundle, files, found, weights, max_nats)


def operators_of(folder: Path) -> bytes:
    """The operators and types of all .ort files of a folder, as the build of ONNX Runtime reads them."""
    from onnxruntime.tools.ort_format_model import create_config_from_models
    from onnxruntime.tools.ort_format_model.utils import log

    log.disabled = True
    config = folder / "required_operators.config"
    create_config_from_models(sorted(folder.glob("*.ort")), config, enable_type_reduction=True)
    lines = config.read_text(encoding="utf-8").splitlines()
    # Its head names the folder of this moment.
    return "".join(f"{line}\n" for line in lines if not line.startswith("#")).encode()


def openvino_files(
    bundle: Bundle, weights: Weights = "float32", max_nats: float | None = None, name: str | None = None
) -> tuple[dict[str, bytes], dict[str, Precision]]:
    """A bundle in OpenVINO's format.

    Arguments and results are those of `c_files`; weights of float16 are OpenVINO's own, of all constants.

    Raises:
        ArgumentError: for int8, or a name: the files are the graphs'.
        MissingExtra: where OpenVINO is not installed.
        CheckFailed: where a golden case does not hold; with float16 what it costs is told, and bounded by ``max_nats``.
    """
    refuse("--to openvino", {"--weights int8": weights == "int8", "--name": name is not None})
    with extras_named():
        import openvino
    core = openvino.Core()
    files: dict[str, bytes] = {}
    found: dict[str, Compute] = {}
    with tempfile.TemporaryDirectory() as folder:
        for graph in directions_of(bundle.manifest.graphs):
            data, _ = bundle.graph(graph)
            path = Path(folder) / f"{graph}.xml"
            # Not by convert_model, which tells its makers of every use.
            openvino.save_model(core.read_model(data), str(path), compress_to_fp16=weights == "float16")
            # Float32 is asked for: on some processors it would take bfloat16.
            model = core.compile_model(core.read_model(str(path)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
            found[graph] = lambda inputs, model=model: model(dict(inputs))[0]  # type: ignore[misc]
            files |= {each: (Path(folder) / each).read_bytes() for each in (f"{graph}.xml", f"{graph}.bin")}
    return held(bundle, files, found, weights, max_nats)


def refuse(to: str, given: Mapping[str, bool]) -> None:
    """Refuses options that a kind of file has no use for.

    Raises:
        ArgumentError: naming the first.
    """
    for option, there in given.items():
        if there:
            raise ArgumentError(f"takes no {option}", key=to)


def held(
    bundle: Bundle,
    files: dict[str, bytes],
    found: Mapping[str, Compute],
    weights: Weights,
    max_nats: float | None,
) -> tuple[dict[str, bytes], dict[str, Precision]]:
    """The files with what they cost, once the golden cases hold.

    Raises:
        CheckFailed: where they do not, or cost too much.
    """
    costs = costs_of(answers_of(bundle), lambda each: found[each.graph](each.inputs), weights, max_nats)
    return files | {"precision.json": precision_json(weights, costs).encode()}, costs
