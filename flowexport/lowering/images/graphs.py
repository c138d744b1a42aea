"""A lean flow of images, written as an ONNX graph by torch's exporter."""

from __future__ import annotations

__all__ = ["image_graph"]

import onnx
import onnx.numpy_helper
import torch
from torch import Tensor, nn

from ..exporter import exported
from ..graphs import IR_VERSION, PRODUCER
from .lean import LeanImages
from .operators import TRANSLATIONS

EXAMPLE_ROWS = 3
"""Rows of the example batch; one would freeze the axis, two are taken for granted by some kernels."""


class LogProb(nn.Module):
    def __init__(self, lean: LeanImages) -> None:
        super().__init__()
        self.lean = lean

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        return self.lean.log_prob(x, context)


class Sample(nn.Module):
    def __init__(self, lean: LeanImages) -> None:
        super().__init__()
        self.lean = lean

    def forward(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        return self.lean.sample(z, context)


def image_graph(lean: LeanImages, name: str) -> bytes:
    """The ONNX file of ``x [batch, *event] (, context) → log_prob [batch]``, or of ``z [batch, latent] → x``."""
    density = name == "log_prob"
    shapes = {"x": lean.event_shape} if density else {"z": (lean.latent_size,)}
    shapes |= {"context": (lean.context,)} if lean.context else {}
    batch = torch.export.Dim("batch")
    model = exported(
        LogProb(lean) if density else Sample(lean),
        list(shapes),
        ["log_prob" if density else "x"],
        TRANSLATIONS,
        kwargs={key: torch.zeros(EXAMPLE_ROWS, *shape, dtype=lean.constant.dtype) for key, shape in shapes.items()},
        dynamic_shapes={key: {0: batch} for key in shapes},
    )
    data: bytes = cleaned(model, name).SerializeToString(deterministic=True)
    return data


def cleaned(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The model without source paths, notes and names that mean nothing outside this process."""
    graph = model.graph
    for holder in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del holder.metadata_props[:]
        holder.ClearField("doc_string")
    constants = {constant.name: constant for constant in graph.initializer}
    for number, node in enumerate(graph.node):
        # ONNX Runtime before 1.19 takes nodes without names for one another.
        node.name = f"{node.op_type}_{number}"
        shape = constants.get(node.input[1]) if node.op_type == "Reshape" else None
        if shape is not None and onnx.numpy_helper.to_array(shape).all():
            # It says what a zero would mean, and there is none; some converters refuse it. Not so of a shape that the
            # graph computes, as older exporters write it: of no rows it has a zero.
            kept = [attribute for attribute in node.attribute if attribute.name != "allowzero"]
            del node.attribute[:]
            node.attribute.extend(kept)
    del graph.value_info[:]
    graph.name = name
    model.ir_version = IR_VERSION
    model.model_version = 1
    model.producer_name, model.producer_version = PRODUCER
    model.ClearField("domain")
    return model
