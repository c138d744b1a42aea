"""Makes the bundle of the tests: a model by hand, whose answers are known exactly.

    python make_bundle.py FOLDER        needs numpy and onnx

It has all that a trained model of the zoo may lack: rows of three axes, a categorical context, a z whose last
column takes no temperature, no names, no reference, and graphs that take the context first. Of x [batch, 1, 2, 2],
z [batch, 5] and context [batch, 2], with the shift 10 · context₀ + context₁,

    log_prob = Σ ln x + shift        x = z₀ … z₃ + 100 · z₄ + shift
"""

import hashlib
import io
import json
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

ROWS = 3


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=(1, 0))
    return stream.getvalue()


def graph(nodes: list, inputs: dict[str, list], outputs: dict[str, list], constants: dict[str, np.ndarray]) -> bytes:
    def tensors(shapes: dict[str, list]) -> list:
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape]) for name, shape in shapes.items()
        ]

    initializers = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    body = helper.make_graph(nodes, "test", tensors(inputs), tensors(outputs), initializers)
    model = helper.make_model(body, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
    return model.SerializeToString()


def log_prob_graph() -> bytes:
    nodes = [
        helper.make_node("MatMul", ["context", "weights"], ["shift"]),
        helper.make_node("Log", ["x"], ["logs"]),
        helper.make_node("ReduceSum", ["logs", "axes"], ["sum"], keepdims=0),
        helper.make_node("Add", ["sum", "shift"], ["log_prob"]),
    ]
    constants = {"weights": np.float32([10, 1]), "axes": np.int64([1, 2, 3])}
    return graph(nodes, {"context": [2], "x": [1, 2, 2]}, {"log_prob": []}, constants)


def sample_graph() -> bytes:
    nodes = [
        helper.make_node("MatMul", ["context", "weights"], ["shift"]),
        helper.make_node("MatMul", ["z", "mix"], ["mixed"]),
        helper.make_node("Add", ["mixed", "shift"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["x"]),
    ]
    constants = {
        "weights": np.float32([[10], [1]]),
        "mix": np.float32([*np.eye(4), [100] * 4]),
        "shape": np.int64([-1, 1, 2, 2]),
    }
    return graph(nodes, {"context": [2], "z": [5]}, {"x": [1, 2, 2]}, constants)


def main(folder: Path) -> None:
    random = np.random.default_rng(0)
    x = random.uniform(0.5, 2, (ROWS, 1, 2, 2)).astype(np.float32)
    x[0, 0, 0, 0] = 0  # outside of the support: log_prob is −inf
    z = np.abs(random.standard_normal((ROWS, 5))).astype(np.float32)
    context = np.float32([[0, 0.5], [2, -0.25], [1, 0]])
    shift = context.astype(np.float64) @ [10, 1]
    with np.errstate(divide="ignore"):
        log_prob = np.log(x.astype(np.float64)).sum(axis=(1, 2, 3)) + shift
    sample = (z[:, :4] + 100.0 * z[:, 4:] + shift[:, None]).reshape(ROWS, 1, 2, 2)
    files = {
        "log_prob.onnx": log_prob_graph(),
        "sample.onnx": sample_graph(),
        "golden/x.npy": npy(x),
        "golden/z.npy": npy(z),
        "golden/context.npy": npy(context),
        "golden/log_prob.npy": npy(log_prob),
        "golden/sample.npy": npy(sample),
        "golden/log_prob_of_sample.npy": npy(np.log(sample).sum(axis=(1, 2, 3)) + shift),
        "golden/turned.npy": npy(x.reshape(ROWS, 2, 2, 1)),
        "golden/double.npy": npy(x.astype(np.float64)),
    }

    def case(name: str, graph: str, inputs: dict, **more: object) -> dict:
        files = {tensor: f"golden/{file}.npy" for tensor, file in inputs.items()}
        return {"name": name, "graph": graph, "inputs": files, **more}

    def tensors(**shapes: list) -> list:
        return [{"name": name, "dtype": "float32", "shape": ["batch", *shape]} for name, shape in shapes.items()]

    given = {"x": "x", "context": "context"}
    noise = {"z": "z", "context": "context"}
    expected = {"log_prob": "golden/log_prob.npy"}
    flow = {
        "format": "flowexport/1",
        "name": "by hand",
        "description": "Made for tests",
        "dtype": "float32",
        "event_shape": [1, 2, 2],
        "latent_size": 5,
        "context_size": 2,
        "features": None,
        "context_features": [{"name": "cut", "categories": ["fair", "good", "ideal"]}, {"name": "angle"}],
        "architecture": {"flow": "by hand"},
        "graphs": {
            "log_prob": {
                "file": "log_prob.onnx",
                "opset": 18,
                "inputs": tensors(context=[2], x=[1, 2, 2]),
                "outputs": tensors(log_prob=[]),
            },
            "sample": {
                "file": "sample.onnx",
                "opset": 18,
                "inputs": tensors(context=[2], z=[5]),
                "outputs": tensors(x=[1, 2, 2]),
            },
        },
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
        "tolerance": {graph: {"atol": 1e-4, "rtol": 1e-5} for graph in ("log_prob", "sample")},
        "scale": [1, 1, 1, 1],
        "reference": None,
        "golden": {
            "cases": [
                case("data_3", "log_prob", given, expected=expected),
                case("data_1", "log_prob", given, expected=expected, rows=[1, 2]),
                case("noise_3", "sample", noise, expected={"x": "golden/sample.npy"}),
                case("turned", "log_prob", {"x": "turned", "context": "context"}, error="wrong_shape"),
                case("double", "log_prob", {"x": "double", "context": "context"}, error="wrong_dtype"),
                case("alone", "log_prob", {"x": "x"}, error="missing_context"),
            ],
            "log_prob_of_sample": "golden/log_prob_of_sample.npy",
            "noise": [],
        },
        "provenance": {},
        "selector": True,
    }
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "flow.json").write_text(json.dumps(flow, indent=2) + "\n")


main(Path(sys.argv[1]))
