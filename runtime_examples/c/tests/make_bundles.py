"""Makes two bundles that can be checked by hand and have what the zoo's models have not.

gaussian: x = z + context, so log_prob = −|x − context|² / 2 − ln 2π, and −inf where a number of x is −10 or less. The
inputs of the graphs stand context first; the context has categories, the features no names, z a selector, and the
reference quantiles are −10, −9.9, … 0.

image: x = z, as one channel of two rows and two columns, so log_prob = −|x|² / 2 − 2 ln 2π; there is no reference.

Needs onnx and numpy:  python make_bundles.py FOLDER
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

KEYS = [
    "format",
    "name",
    "description",
    "dtype",
    "event_shape",
    "latent_size",
    "context_size",
    "features",
    "context_features",
    "architecture",
    "graphs",
    "files",
    "tolerance",
    "scale",
    "reference",
    "golden",
    "provenance",
    "selector",
    "levels",
]

LN_2_PI = 1.8378770664093453

NOISE = {
    0: [0.9911377, -0.9246626, -0.61760896, -0.4820686],
    2**63 + 5: [0.24326237, 0.01694727, -1.5504903, 0.27301276],
}
"""The known answers of docs/bundle.md."""


def model(nodes, inputs, output, constants):
    """An ONNX file: nodes as operator, inputs, output and attributes; tensors as name and shape behind the batch."""

    def tensor(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])

    graph = helper.make_graph(
        [helper.make_node(op, sources.split(), [target], **attributes) for op, sources, target, attributes in nodes],
        "gaussian",
        [tensor(*each) for each in inputs],
        [tensor(*output)],
        [
            helper.make_tensor(name, kind, [len(values)] if kind == TensorProto.INT64 else [], values)
            for name, kind, values in constants
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return made.SerializeToString()


def npy(array):
    header = f"{{'descr': '{array.dtype.str}', 'fortran_order': False, 'shape': {array.shape}, }}"
    header = header.ljust(64 * (len(header) // 64 + 1) + 53) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + array.tobytes()


def spec(file, inputs, output):
    def tensor(name, *shape):
        return {"name": name, "dtype": "float32", "shape": ["batch", *shape]}

    return {"file": file, "opset": 18, "inputs": [tensor(*each) for each in inputs], "outputs": [tensor(*output)]}


def case(name, graph, inputs, **result):
    files = {key: f"golden/{file}.npy" for key, file in inputs.items()}
    return {"name": name, "graph": graph, "inputs": files} | result


def write(folder, flow, files):
    files |= {f"golden/noise_{i}.npy": npy(np.array(values, np.float32)) for i, values in enumerate(NOISE.values())}
    tolerance = {"atol": 1e-4, "rtol": 1e-5}
    flow = {"format": "flowexport/1", "dtype": "float32", **flow, "architecture": {}, "provenance": {}}
    flow["files"] = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    flow["tolerance"] = {"log_prob": tolerance, "sample": tolerance}
    flow["golden"] |= {
        "log_prob_of_sample": "golden/log_prob_of_sample.npy",
        "noise": [{"seed": str(seed), "start": 0, "file": f"golden/noise_{i}.npy"} for i, seed in enumerate(NOISE)],
    }
    flow = {key: flow[key] for key in KEYS if key in flow}
    (folder / "golden").mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "flow.json").write_text(json.dumps(flow, indent=2) + "\n")


def write_gaussian(folder):
    x = np.array([[0.5, 1.5], [1, 0], [-10, 0], [2, -3]], np.float32)
    context = np.array([[0, 1.5], [1, -0.5], [2, 0], [2, 0]], np.float32)
    log_prob = -((x.astype(np.float64) - context) ** 2).sum(1) / 2 - LN_2_PI
    log_prob[2] = -np.inf
    z = np.array([[0, 0], [1, -1], [-2, 0.5], [0.25, 3]], np.float32)
    files = {
        "log_prob.onnx": model(
            [
                ("Sub", "x context", "d", {}),
                ("Mul", "d d", "squares", {}),
                ("ReduceSum", "squares axes", "sum", {"keepdims": 0}),
                ("Mul", "sum minus_half", "exponent", {}),
                ("Sub", "exponent ln_2_pi", "density", {}),
                ("ReduceMin", "x axes", "least", {"keepdims": 0}),
                ("Greater", "least edge", "inside", {}),
                ("Where", "inside density outside", "log_prob", {}),
            ],
            [("context", 2), ("x", 2)],
            ("log_prob",),
            [
                ("axes", TensorProto.INT64, [1]),
                ("minus_half", TensorProto.FLOAT, [-0.5]),
                ("ln_2_pi", TensorProto.FLOAT, [LN_2_PI]),
                ("edge", TensorProto.FLOAT, [-10.0]),
                ("outside", TensorProto.FLOAT, [-np.inf]),
            ],
        ),
        "sample.onnx": model([("Add", "z context", "x", {})], [("context", 2), ("z", 2)], ("x", 2), []),
        "golden/x.npy": npy(x),
        "golden/context.npy": npy(context),
        "golden/log_prob.npy": npy(log_prob),
        "golden/z.npy": npy(z),
        "golden/sample.npy": npy(z.astype(np.float64) + context),
        "golden/log_prob_of_sample.npy": npy(-(z.astype(np.float64) ** 2).sum(1) / 2 - LN_2_PI),
        "golden/x_1.npy": npy(x[:1]),
        "golden/context_1.npy": npy(context[:1]),
        "golden/wrong_width.npy": npy(np.zeros((1, 3), np.float32)),
        "golden/wrong_dtype.npy": npy(np.zeros((1, 2), np.float64)),
    }
    data, latents = {"x": "x", "context": "context"}, {"z": "z", "context": "context"}
    flow = {
        "name": "gaussian",
        "description": "x = z + context",
        "event_shape": [2],
        "latent_size": 2,
        "context_size": 2,
        "features": None,
        "context_features": [{"name": "cut", "categories": ["fair", "good", "ideal"]}, {"name": "angle"}],
        "graphs": {
            "log_prob": spec("log_prob.onnx", [("x", 2), ("context", 2)], ("log_prob",)),
            "sample": spec("sample.onnx", [("z", 2), ("context", 2)], ("x", 2)),
        },
        "scale": [1, 1],
        "reference": {"rows": 4, "log_prob_quantiles": [round(-10 + i / 10, 1) for i in range(101)]},
        "golden": {
            "cases": [
                case("data", "log_prob", data, expected={"log_prob": "golden/log_prob.npy"}),
                case("data_2", "log_prob", data, expected={"log_prob": "golden/log_prob.npy"}, rows=[1, 3]),
                case("noise", "sample", latents, expected={"x": "golden/sample.npy"}),
                case("missing_context", "log_prob", {"x": "x_1"}, error="missing_context"),
                case("wrong_width", "log_prob", {"x": "wrong_width", "context": "context_1"}, error="wrong_shape"),
                case("wrong_dtype", "log_prob", {"x": "wrong_dtype", "context": "context_1"}, error="wrong_dtype"),
            ],
        },
        "selector": True,
    }
    write(folder, flow, files)


def write_image(folder):
    x = np.array([[[[1, 2], [3, 4]]], [[[0, 0.5], [-1, 0]]]], np.float32)
    log_prob = -(x.astype(np.float64) ** 2).sum((1, 2, 3)) / 2 - 2 * LN_2_PI
    files = {
        "log_prob.onnx": model(
            [
                ("Mul", "x x", "squares", {}),
                ("ReduceSum", "squares axes", "sum", {"keepdims": 0}),
                ("Mul", "sum minus_half", "exponent", {}),
                ("Sub", "exponent twice_ln_2_pi", "log_prob", {}),
            ],
            [("x", 1, 2, 2)],
            ("log_prob",),
            [
                ("axes", TensorProto.INT64, [1, 2, 3]),
                ("minus_half", TensorProto.FLOAT, [-0.5]),
                ("twice_ln_2_pi", TensorProto.FLOAT, [2 * LN_2_PI]),
            ],
        ),
        "sample.onnx": model(
            [("Reshape", "z shape", "x", {})],
            [("z", 4)],
            ("x", 1, 2, 2),
            [("shape", TensorProto.INT64, [-1, 1, 2, 2])],
        ),
        "golden/x.npy": npy(x),
        "golden/log_prob.npy": npy(log_prob),
        "golden/z.npy": npy(x.reshape(2, 4)),
        "golden/sample.npy": npy(x.astype(np.float64)),
        "golden/log_prob_of_sample.npy": npy(log_prob),
        "golden/wrong_shape.npy": npy(np.zeros((1, 2, 2), np.float32)),
    }
    flow = {
        "name": "image",
        "description": "x = z",
        "event_shape": [1, 2, 2],
        "latent_size": 4,
        "context_size": 0,
        "features": None,
        "context_features": None,
        "graphs": {
            "log_prob": spec("log_prob.onnx", [("x", 1, 2, 2)], ("log_prob",)),
            "sample": spec("sample.onnx", [("z", 4)], ("x", 1, 2, 2)),
        },
        "scale": [1, 1, 1, 1],
        "reference": None,
        "golden": {
            "cases": [
                case("data", "log_prob", {"x": "x"}, expected={"log_prob": "golden/log_prob.npy"}),
                case("noise", "sample", {"z": "z"}, expected={"x": "golden/sample.npy"}),
                case("wrong_shape", "log_prob", {"x": "wrong_shape"}, error="wrong_shape"),
            ],
        },
        "levels": 17,
    }
    write(folder, flow, files)


if __name__ == "__main__":
    write_gaussian(Path(sys.argv[1]) / "gaussian")
    write_image(Path(sys.argv[1]) / "image")
