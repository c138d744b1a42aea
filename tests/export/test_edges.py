"""The support is part of the proof: a graph that is right on every row of data, and wrong on an edge, is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

import flowexport
from flowexport.bundle import open_bundle, read_npy
from tests.conftest import Exported, small_flow
from tests.planting import Planted

BOUNDS = [(0.0, None), (None, 3.0), (-1.0, 2.0)]
CATEGORIES = [4, 0]


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Three bounded features under splines, given a category of four and a number."""
    flow = small_flow(
        features=3,
        context=2,
        categories=CATEGORIES,
        bounds=BOUNDS,
        univariate={"name": "RationalQuadraticSpline", "bins": 4},
    )
    context = np.column_stack([np.ones(300), np.linspace(-1, 1, 300)])  # the codes at the ends are never there
    torch.manual_seed(3)
    x = flow(torch.from_numpy(np.float32(context))).sample().numpy().astype(np.float64)
    path = tmp_path_factory.mktemp("edges") / "bounded"
    flowexport.export(flow, path, x, context, name="bounded")
    return Exported(flow, x, context, path)


def edges_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the edges' case, and what is expected of them."""
    bundle = open_bundle(path)
    case = next(case for case in bundle.manifest.golden.cases if case.name.startswith("edges"))
    start, stop = case.rows or (0, 0)
    assert case.expected is not None
    return tuple(bundle.array(file)[start:stop] for file in (case.inputs["x"], case.expected["log_prob"]))  # type: ignore[return-value]


def test_rows_stand_on_inside_and_outside_each_bound(bounded: Exported) -> None:
    rows, expected = edges_of(bounded.path)
    for feature, (low, high) in enumerate(BOUNDS):
        for bound, outwards in ((low, -1), (high, 1)):
            if bound is None:
                continue
            distance = (rows[:, feature].astype(np.float64) - bound) * outwards
            on, outside = distance == 0, (distance > 0) & (distance < 0.1)
            inside = (distance < 0) & (distance > -0.1)
            assert on.any()
            assert outside.any()
            assert np.isneginf(expected[on | outside]).all()
            assert np.isfinite(expected[inside]).any()


def test_the_first_and_the_last_code_are_among_the_golden_contexts(bounded: Exported) -> None:
    context = read_npy((bounded.path / "golden/context.npy").read_bytes(), "context.npy")
    assert {0.0, 3.0} <= set(context[:, 0].tolist())


def test_splines_are_met_at_both_ends(bounded: Exported) -> None:
    rows, _ = edges_of(bounded.path)
    flow = bounded.flow
    assert flow.bounds is not None
    with torch.no_grad():
        u = flow.standardize(flow.bounds.forward_and_log_det(torch.tensor(rows))[0]).numpy()
    assert (np.abs(u - 5) < 0.02).any()
    assert (np.abs(u + 5) < 0.02).any()


def no_guard(model: onnx.ModelProto) -> None:
    """log_prob of a row outside is what the maps make of it."""
    node = guard(model)
    for each in model.graph.node:
        each.input[:] = [node.input[2] if name == node.output[0] else name for name in each.input]
    for output in [*model.graph.node]:
        output.output[:] = [node.output[0] if name == node.input[2] else name for name in output.output]
    model.graph.node.remove(node)


def other_guard(value: float) -> object:
    """A row outside has another log_prob than −inf."""

    def edit(model: onnx.ModelProto) -> None:
        model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), "other"))
        guard(model).input[1] = "other"

    return edit


def guard(model: onnx.ModelProto) -> onnx.NodeProto:
    """The node that says −inf."""
    constants = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    (node,) = [
        node
        for node in model.graph.node
        if node.op_type == "Where" and np.isneginf(constants.get(node.input[1], np.zeros(1))).all()
    ]
    return node


@pytest.mark.parametrize(
    "edit", [no_guard, other_guard(np.inf), other_guard(0.0), other_guard(np.nan)], ids=["none", "inf", "0", "nan"]
)
def test_a_guard_that_is_gone_or_says_something_else_is_seen(bounded: Exported, tmp_path: Path, edit: object) -> None:
    planted = Planted(bounded.path, tmp_path / "bounded")
    planted.edit_graph("log_prob", edit)  # type: ignore[arg-type]
    report = flowexport.verify(planted.path)
    assert any(check.subject.startswith("support, edges") for check in report.failures), report.failures


def test_a_flow_without_edges_has_no_such_case(plain: Exported) -> None:
    names = [case.name for case in open_bundle(plain.path).manifest.golden.cases]
    assert not any(name.startswith("edges") for name in names)
