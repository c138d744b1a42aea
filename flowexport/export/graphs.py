"""A lean flow, written as an ONNX graph by torch's exporter."""

from __future__ import annotations

__all__ = ["IR_VERSION", "OPSET", "log_prob_graph", "sample_graph"]

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import onnx
import onnx.numpy_helper
import torch
from torch import Tensor, nn

from flowexport import __version__
from flowexport.bundle.operators import OPSET
from flowexport.errors import ExportError

from .interrupts import interrupts_later
from .lean import LeanFlow
from .operators import TRANSLATIONS

IR_VERSION = 10
EXAMPLE_ROWS = 3
"""Rows of the example batch; one would freeze the axis, two are taken for granted by some kernels."""


class LogProb(nn.Module):
    def __init__(self, lean: LeanFlow) -> None:
        super().__init__()
        self.lean = lean

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        return self.lean.log_prob(x, context)


class Sample(nn.Module):
    def __init__(self, lean: LeanFlow) -> None:
        super().__init__()
        self.lean = lean

    def forward(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        return self.lean.sample(z, context)


def log_prob_graph(lean: LeanFlow) -> bytes:
    """The ONNX file of ``x [batch, *event] (, context) → log_prob [batch]``, in the flow's type."""
    return write_graph(LogProb(lean), "log_prob", {"x": lean.event_shape}, lean.context, "log_prob")


def sample_graph(lean: LeanFlow) -> bytes:
    """The ONNX file of ``z [batch, latent] (, context) → x [batch, *event]``, in the flow's type."""
    return write_graph(Sample(lean), "sample", {"z": (lean.latent_size,)}, lean.context, "x")


def write_graph(module: nn.Module, name: str, first: dict[str, tuple[int, ...]], context: int, output: str) -> bytes:
    """Exports a module and cleans what the exporter leaves behind."""
    shapes = first | ({"context": (context,)} if context else {})
    dtype = next(buffer.dtype for buffer in module.buffers() if buffer.is_floating_point())
    example = {key: torch.zeros(EXAMPLE_ROWS, *shape, dtype=dtype) for key, shape in shapes.items()}
    batch = torch.export.Dim("batch")
    with interrupts_later(), quiet_exporter():
        program = torch.onnx.export(
            module.eval(),
            kwargs=example,
            dynamo=True,
            input_names=list(shapes),
            output_names=[output],
            dynamic_shapes={key: {0: batch} for key in shapes},
            opset_version=OPSET,
            external_data=False,
            custom_translation_table=TRANSLATIONS,
            verbose=False,
        )
    assert program is not None
    return cleaned(program.model_proto, name).SerializeToString(deterministic=True)


def cleaned(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The model without source paths, notes and names that mean nothing outside this process.

    Raises:
        ExportError: where the exporter wrote another opset or a foreign operator.
    """
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    if opsets != {"": OPSET} or model.functions:
        raise ExportError(
            f"{name}: the exporter wrote {opsets} with {len(model.functions)} functions, expected opset {OPSET}"
        )
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
    model.producer_name, model.producer_version = "flowexport", __version__
    model.ClearField("domain")
    return model


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Keeps the exporter's remarks about packages and its own future off the user's screen."""
    # The second says at its import that there is no Triton, where torch was installed without it.
    levels = {logger: logger.level for logger in map(logging.getLogger, ("torch.onnx", "torch.utils.flop_counter"))}
    for logger in levels:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
