"""Faults, planted in a copy of a bundle; the hashes are made right again, so that only the real check sees them."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from flowexport.bundle import npy_bytes


class Planted:
    """A copy of a bundle that can be tampered with."""

    def __init__(self, source: Path, target: Path) -> None:
        shutil.copytree(source, target)
        self.path = target

    def rehash(self) -> None:
        """Makes ``flow.json`` list the files as they now are."""
        self.edit_manifest(
            lambda manifest: manifest.update(
                files={name: hashlib.sha256((self.path / name).read_bytes()).hexdigest() for name in manifest["files"]}
            )
        )

    def edit_manifest(self, edit: Callable[[dict[str, Any]], object]) -> None:
        """Changes ``flow.json``."""
        file = self.path / "flow.json"
        manifest = json.loads(file.read_text())
        edit(manifest)
        file.write_text(json.dumps(manifest))

    def write(self, name: str, data: bytes) -> None:
        """Replaces a file, hash included."""
        (self.path / name).write_bytes(data)
        self.rehash()

    def edit_graph(self, name: str, edit: Callable[[onnx.ModelProto], object]) -> None:
        """Changes ``log_prob.onnx`` or ``sample.onnx``, hash included."""
        model = onnx.load(self.path / f"{name}.onnx")
        edit(model)
        self.write(f"{name}.onnx", model.SerializeToString())

    def write_array(self, name: str, array: np.ndarray) -> None:
        """Replaces a golden array, hash included."""
        self.write(f"golden/{name}.npy", npy_bytes(array))


def nudge_largest_weight(model: onnx.ModelProto) -> None:
    """The weight of the largest magnitude grows by 1 %."""
    weights = [each for each in model.graph.initializer if len(each.dims) == 2]
    largest = max(weights, key=lambda each: np.abs(numpy_helper.to_array(each)).max())
    array = numpy_helper.to_array(largest).copy()
    array.flat[np.abs(array).argmax()] *= 1.01
    largest.CopyFrom(numpy_helper.from_array(array, largest.name))


def drop_log_det(model: onnx.ModelProto) -> None:
    """One layer's log-determinant is left out of the sum."""
    total = next(node for node in model.graph.node if node.op_type == "Sum")
    scales = {node.output[0] for node in model.graph.node if node.op_type == "Mul"} & {
        node.input[0] for node in model.graph.node if node.op_type == "Exp"
    }
    del total.input[next(index for index, name in enumerate(total.input) if name in scales)]


def swap_columns(model: onnx.ModelProto) -> None:
    """The features of a sample come out in another order."""
    features = model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    order = numpy_helper.from_array(np.arange(features)[::-1].copy(), "order")
    append_node(model, "Gather", order, axis=1)


def fix_batch(model: onnx.ModelProto) -> None:
    """The batch axis of the signature becomes a number."""
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 256


def fix_batch_inside(model: onnx.ModelProto) -> None:
    """The signature says that the batch is free, a Reshape inside says otherwise."""
    append_node(model, "Reshape", numpy_helper.from_array(np.array([256], np.int64), "rows"))


def append_node(model: onnx.ModelProto, kind: str, constant: onnx.TensorProto, **attributes: int) -> None:
    """Puts an operator with a constant behind the output."""
    output = model.graph.output[0].name
    for node in model.graph.node:
        for index, name in enumerate(node.output):
            if name == output:
                node.output[index] = "before"
    model.graph.initializer.append(constant)
    model.graph.node.append(onnx.helper.make_node(kind, ["before", constant.name], [output], **attributes))


def move_data_outside(model: onnx.ModelProto) -> None:
    """A weight's data is said to lie in another file."""
    initializer = model.graph.initializer[0]
    initializer.ClearField("raw_data")
    initializer.data_location = onnx.TensorProto.EXTERNAL
    entry = initializer.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
