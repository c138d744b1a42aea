"""Graphs say what their program says, 1e-12 in float64, and are what every runtime can read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from flowexport.bundle.operators import OPERATORS, OPSET
from flowexport.flows import Flow
from flowexport.lowering import lower, lowered, maps
from flowexport.lowering.graphs.builder import Builder
from flowexport.lowering.graphs.maps import moved
from flowexport.lowering.program import UnitSpline
from tests.flows.cases import ALL, make
from tests.lowering.programs import EVERY, assert_same, flow_of, inputs, of_program

FLOAT32_ATTRIBUTES = {"LeakyRelu", "LayerNormalization"}
"""Operators with a number of their own that is float32 in any graph: the slope 0.01, the ε of a variance."""

ONLY_FLOAT32 = {"Erf", "Asinh", "Sinh", "Cosh"}
"""Operators that ONNX Runtime has not in float64."""


def session(data: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])


def run(data: bytes, feeds: dict[str, np.ndarray | None], dtype: str) -> np.ndarray:
    given = {key: each.astype(dtype) for key, each in feeds.items() if each is not None}
    (found,) = session(data).run(None, given)
    return found


@pytest.mark.parametrize("name", EVERY)
def test_a_graph_is_its_program(name: str) -> None:
    flow = flow_of(name)
    x, z, c = inputs(flow)
    context = None if c is None else c.numpy()
    feeds = {"log_prob": {"x": x.numpy(), "context": context}, "sample": {"z": z.numpy(), "context": context}}
    form = lowered(flow)
    files = {graph: form.graph(graph, "float64") for graph in ("log_prob", "sample")}
    kinds = {node.op_type for data in files.values() for node in onnx.load_from_string(data).graph.node}
    assert kinds <= OPERATORS
    if kinds & ONLY_FLOAT32:
        found = [run(form.graph(graph, "float32"), feeds[graph], "float32") for graph in ("log_prob", "sample")]
        for one, other in zip(found, of_program(lower(flow), x, z, c), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * np.abs(other[np.isfinite(other)]).max())
        return
    expected = of_program(lower(flow), x, z, c)
    found = run(files["log_prob"], feeds["log_prob"], "float64"), run(files["sample"], feeds["sample"], "float64")
    assert_same(found, expected, by=1e-9 if kinds & FLOAT32_ATTRIBUTES else 1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "name", ["defaults", "halves that take turns", "a map of one's own, inverted", *list(ALL)[::9]]
)
def test_a_file_is_plain_and_the_same_every_time(name: str, dtype: str) -> None:
    flow = flow_of(name)
    width = {"x": flow.features, "z": flow.latent_size, "context": flow.context}
    for graph, inward, outward in (("log_prob", "x", []), ("sample", "z", [flow.features])):
        data = lowered(flow).graph(graph, dtype)
        assert data == lowered(flow).graph(graph, dtype)
        model = onnx.load_from_string(data)
        onnx.checker.check_model(model, full_check=True)
        assert [(each.domain, each.version) for each in model.opset_import] == [("", OPSET)]
        assert (model.ir_version, model.producer_name, model.graph.name) == (10, "flowexport", graph)
        assert [each.name for each in model.graph.input] == [inward, *(["context"] if flow.context else [])]
        for value, shape in [(each, [width[each.name]]) for each in model.graph.input] + [
            (model.graph.output[0], outward)
        ]:
            tensor = value.type.tensor_type
            assert tensor.elem_type == (onnx.TensorProto.FLOAT if dtype == "float32" else onnx.TensorProto.DOUBLE)
            assert tensor.shape.dim[0].dim_param == "batch"
            assert [each.dim_value for each in tensor.shape.dim[1:]] == shape
        names = [node.name for node in model.graph.node]
        used = {each for node in model.graph.node for each in node.input}
        assert len(set(names)) == len(names)
        assert {constant.name for constant in model.graph.initializer} <= used


def nodes(flow: Flow) -> list[int]:
    form = lowered(flow)
    return [len(onnx.load_from_string(form.graph(name, "float32")).graph.node) for name in ("log_prob", "sample")]


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (lambda: flow_of("default"), [39, 35]),
        (lambda: flow_of("odd features"), [42, 38]),
        (lambda: flow_of("standardised, random masks"), [37, 33]),
        (lambda: flow_of("defaults"), [192, 174]),
        (lambda: flow_of("one feature"), [4, 2]),
    ],
    ids=["affine, two hidden layers", "odd features", "random masks", "defaults", "one feature"],
)
def test_a_graph_has_no_more_nodes_than_its_mathematics(make: Callable[[], Flow], most: list[int]) -> None:
    """The counts that docs/lean.md speaks of; one more is a rewriting that went missing."""
    assert nodes(make()) == most


# Digits of float32


def test_the_mean_is_not_folded_where_it_would_cost_digits() -> None:
    flow = make("default")
    assert flow.standardize is not None
    mean = torch.full((4,), 1e4, dtype=torch.float64)
    flow.standardize.fit(mean, torch.ones(4, dtype=torch.float64))
    # What float32 can hold, so that only the arithmetic is judged.
    x = (mean + torch.randn(200, 4, dtype=torch.float64)).float().double()
    found = run(lowered(flow).graph("log_prob", "float32"), {"x": x.numpy()}, "float32")
    np.testing.assert_allclose(found, flow().log_prob(x).detach().numpy(), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_a_unit_spline_keeps_the_digits_of_the_middle(direction: Literal["forward", "inverse"]) -> None:
    """A rounding of numbers near a half costs 3e-8 each time; here they are near nought."""
    spline = UnitSpline(8, "clamp", 1e-3)
    draw = np.random.default_rng(0)
    x, raw = draw.uniform(-0.1, 0.1, (10_000, 1)), 0.1 * draw.normal(size=(10_000, 32))
    x, raw = x.astype(np.float32), raw.astype(np.float32)
    graph = Builder(np.dtype("float32"))
    y, _ = moved(graph, spline, direction, "x", 1, {"bins": "raw"})
    found = run(graph.model("spline", {"x": 1, "raw": 32}, y, "y", 1), {"x": x, "raw": raw}, "float32")
    exact = (maps.forward if direction == "forward" else maps.inverse)(
        spline, x.astype(float), raw.astype(float)[:, None]
    )
    assert np.abs(found - exact[0]).mean() < 2.5e-8


def test_torch_is_not_asked_for_what_a_program_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes of a graph then depend on no version of it."""
    monkeypatch.setattr(torch.onnx, "export", None)
    assert lowered(flow_of("defaults")).graph("log_prob", "float32")
