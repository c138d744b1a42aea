"""Makes tests/gaussian: a bundle small enough to be checked by hand, that has what the zoo's models have not.

x = z + context, so log_prob = −|x − context|² / 2 − ln 2π, and −inf where a number of x is −10 or less. The inputs
of the graphs stand context first; the context has categories, the features no names, z a selector, and the reference
quantiles are −10, −9.9, … 0. Needs onnx and numpy:  python make_bundle.py FOLDER
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

LN_2_PI = 1.8378770664093453

NOISE = {
    0: [0.9911377, -0.9246626, -0.61760896, -0.4820686],
    2**63 + 5: [0.24326237, 0.01694727, -1.5504903, 0.27301276],
}
"""The known answers of docs/bundle.md."""


def model(nodes, inputs, output, constants):
    graph = helper.make_graph(
        [helper.make_node(op, sources.split(), [target], **attributes) for op, sources, target, attributes in nodes],
        "gaussian",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2]) for name in inputs],
        [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, ["batch", *output[1:]])],
        [helper.make_tensor(name, kind, shape, [value]) for name, kind, shape, value in constants],
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


def main(folder):
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
            ["context", "x"],
            ["log_prob"],
            [
                ("axes", TensorProto.INT64, [1], 1),
                ("minus_half", TensorProto.FLOAT, [], -0.5),
                ("ln_2_pi", TensorProto.FLOAT, [], LN_2_PI),
                ("edge", TensorProto.FLOAT, [], -10.0),
                ("outside", TensorProto.FLOAT, [], -np.inf),
            ],
        ),
        "sample.onnx": model([("Add", "z context", "x", {})], ["context", "z"], ["x", 2], []),
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
        **{f"golden/noise_{i}.npy": npy(np.array(values, np.float32)) for i, values in enumerate(NOISE.values())},
    }

    def case(name, graph, inputs, **result):
        files = {key: f"golden/{file}.npy" for key, file in inputs.items()}
        return {"name": name, "graph": graph, "inputs": files} | result

    data, latents = {"x": "x", "context": "context"}, {"z": "z", "context": "context"}
    flow = {
        "format": "flowexport/1",
        "name": "gaussian",
        "description": "x = z + context",
        "dtype": "float32",
        "event_shape": [2],
        "latent_size": 2,
        "context_size": 2,
        "features": None,
        "context_features": [{"name": "cut", "categories": ["fair", "good", "ideal"]}, {"name": "angle"}],
        "architecture": {},
        "graphs": {
            "log_prob": spec("log_prob.onnx", [("x", 2), ("context", 2)], ("log_prob",)),
            "sample": spec("sample.onnx", [("z", 2), ("context", 2)], ("x", 2)),
        },
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        "tolerance": {"log_prob": {"atol": 1e-4, "rtol": 1e-5}, "sample": {"atol": 1e-4, "rtol": 1e-5}},
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
            "log_prob_of_sample": "golden/log_prob_of_sample.npy",
            "noise": [{"seed": str(seed), "start": 0, "file": f"golden/noise_{i}.npy"} for i, seed in enumerate(NOISE)],
        },
        "provenance": {},
        "selector": True,
    }
    (folder / "golden").mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "flow.json").write_text(json.dumps(flow, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
