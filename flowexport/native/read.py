"""From a bundle's graph to its form."""

from __future__ import annotations

__all__ = ["form_of", "read_form"]

from collections.abc import Iterable

import numpy as np

from flowexport.bundle import Bundle
from flowexport.bundle.onnx_graph import Node, OnnxGraph
from flowexport.bundle.text import shown

from .arithmetic import ARITHMETIC
from .form import Constant, Form, Load
from .fuse import fused
from .layout import LAYOUT
from .products import PRODUCTS, gemms
from .references import load_at, values
from .trace import Trace

ONE_BY_ONE = {**ARITHMETIC, **LAYOUT, **PRODUCTS}


def read_form(bundle: Bundle, graph: str, most_runs: int | None = None) -> Form:
    """The form of a bundle's graph.

    Arguments:
        graph: ``log_prob`` or ``sample``.
        most_runs: as `form_of` takes it.

    Raises:
        BundleError: as `Bundle.graph`; for a bundle of float64, and for an operator that the form does not know.
    """
    return form_of(bundle.nodes(graph), str(bundle.path / bundle.spec(graph).file), most_runs)


def form_of(graph: OnnxGraph, where: str, most_runs: int | None = None) -> Form:
    """The form of a graph.

    Arguments:
        where: its file, for messages.
        most_runs: up to so many runs a product of one or two terms an output is written as sums, and None is any
            number of them: the zeros in it cost nothing then, but each run costs a beginning.

    Raises:
        BundleError: for what the form does not know; it names the file and the node.
    """
    trace = Trace(graph, where, most_runs)
    if len(graph.outline.outputs) != 1:
        trace.refuse(f"it has {len(graph.outline.outputs)} outputs, and one is expected")
    taken: set[str] = set()
    for node in graph.nodes:
        if not node.outputs:
            trace.refuse("has no output", node)
        if node.outputs[0] not in taken:
            taken.update(walk(trace, node))
    name = graph.outline.outputs[0][0]
    if name not in trace.rows:
        trace.refuse(f"its output {shown(name)} is not computed")
    output = trace.rows[name]
    outputs = tuple(number(int(reference)) for reference in output.ravel())
    return fused(Form(trace.inputs, outputs, output.shape, tuple(trace.work.sizes), tuple(trace.work.operations)))


def walk(trace: Trace, node: Node) -> Iterable[str]:
    """Traces one node.

    Returns:
        The first outputs of later nodes that are traced with it.
    """
    if node.operator == "Constant":
        value = node.attributes.get("value")
        if not isinstance(value, np.ndarray):
            trace.refuse("holds no tensor", node)
        trace.constants[node.outputs[0]] = value
        return ()
    try:
        if node.operator == "Gemm":
            heads = heads_of(trace, node)
            for each, references in zip([node, *heads], gemms(trace, node, heads), strict=True):
                trace.rows[each.outputs[0]] = references
            return [each.outputs[0] for each in heads]
        if node.operator not in ONE_BY_ONE:
            images = ", which only images have" if node.operator == "Conv" else ""
            trace.refuse(f"is an operator that is not computed natively{images}", node)
        found = ONE_BY_ONE[node.operator](trace, node)
        tensors = found if isinstance(found, list) else [found]
        trace.rows.update(zip(node.outputs, tensors, strict=True))
    except (ValueError, IndexError, TypeError) as error:
        trace.refuse(f"does not fit what it reads ({error})", node)
    return ()


def heads_of(trace: Trace, node: Node) -> list[Node]:
    """Other Gemms of the same input with biases that are known: heads of one network, worth one product.

    Where a ReLU follows, a product is left alone, for the ReLU to become part of it.
    """
    if node.outputs[0] in trace.rectified:
        return []
    return [
        each
        for each in trace.gemms[node.inputs[0]]
        if each.outputs[0] not in trace.rows
        and each is not node
        and each.outputs[0] not in trace.rectified
        and all(name in trace.constants for name in each.inputs[2:])
    ]


def number(reference: int) -> Load | Constant:
    """One number of the output."""
    return load_at(reference, 0) if reference >= 0 else Constant(values(np.array([reference])).reshape(()))
