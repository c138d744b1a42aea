"""The support is part of the proof: a graph that is right on every row of data, and wrong on an edge, is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

import flowexport
from flowexport.bundle import open_bundle, read_npy
from tests.conftest import Exported, small_flow
from tests.planting import Planted, append_node

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


def arrays_of(path: Path, beginning: str) -> dict[str, np.ndarray]:
    """Inputs, expected numbers and the number of rows of a golden case."""
    bundle = open_bundle(path)
    case = next(case for case in bundle.manifest.golden.cases if case.name.startswith(beginning))
    start, stop = case.rows or (0, 0)
    return {key: bundle.array(file)[start:stop] for key, file in {**case.inputs, **(case.expected or {})}.items()}


@pytest.mark.parametrize(("feature", "bound", "side"), [(0, 0.0, -1), (1, 3.0, 1), (2, -1.0, -1), (2, 2.0, 1)])
def test_samples_stand_inside_a_bound_and_on_it(bounded: Exported, feature: int, bound: float, side: int) -> None:
    samples, usual = (arrays_of(bounded.path, name)["x"][:, feature] for name in ("edge_noise", "noise_1000"))
    distance, deviation = np.abs(samples - bound), usual.std()
    assert (side * (samples - bound) <= 0).all()
    assert ((distance > 1e-4 * deviation) & (distance < 1e-2 * deviation)).any()
    assert (np.float32(samples) == np.float32(bound)).any()
    assert distance.min() < np.abs(usual - bound).min()


def test_noise_and_its_samples_meet_the_ends_of_splines_from_both_sides(bounded: Exported) -> None:
    case = arrays_of(bounded.path, "edge_noise")
    flow = bounded.flow
    assert flow.bounds is not None
    with torch.no_grad():
        u = flow.standardize(flow.bounds.double().forward_and_log_det(torch.tensor(case["x"]))[0]).numpy()
    for rows in (case["z"], u):
        for end in (-5.0, 5.0):
            all_there = (np.abs(rows / end - 1) < 0.002).all(axis=1)
            share = rows[all_there].mean(axis=1) / end
            assert (share < 0.9995).any()
            assert (np.abs(share - 1) < 1e-4).any()
            assert (share > 1.0005).any()
    latents = arrays_of(bounded.path, "edge_latents")
    np.testing.assert_array_equal(latents["x"], np.float32(case["x"][: len(latents["x"])]))
    exact = flow.double().log_prob(torch.tensor(latents["x"]).double(), torch.tensor(latents["context"]).double())
    flow.float()
    np.testing.assert_allclose(latents["log_prob"], exact.detach(), rtol=1e-12)


@pytest.mark.parametrize("graph", ["log_prob", "sample"])
def test_each_graph_is_given_the_first_and_the_last_code(bounded: Exported, graph: str) -> None:
    case = arrays_of(bounded.path, "data_1000" if graph == "log_prob" else "noise_1000")
    assert {0.0, 3.0} <= set(case["context"][:, 0].tolist())


def short_of(feature: int, bound: float) -> Callable[[onnx.ModelProto], None]:
    """Samples of a feature keep a hundredth away from its bound, where no row of ordinary noise comes."""

    def edit(model: onnx.ModelProto) -> None:
        below = bound in (0.0, -1.0)
        limits = np.full(3, -3e38 if below else 3e38, np.float32)
        limits[feature] = bound + 0.001 * (1 if below else -1)
        append_node(model, "Max" if below else "Min", numpy_helper.from_array(limits, "limits"))

    return edit


@pytest.mark.parametrize(("feature", "bound"), [(0, 0.0), (1, 3.0), (2, -1.0), (2, 2.0)])
def test_a_sampler_that_does_not_reach_a_bound_is_seen(
    bounded: Exported, tmp_path: Path, feature: int, bound: float
) -> None:
    planted = Planted(bounded.path, tmp_path / "bounded")
    planted.edit_graph("sample", short_of(feature, bound))
    subjects = {check.subject for check in flowexport.verify(planted.path).failures}
    assert any(subject.startswith("sample, edge_noise") for subject in subjects), subjects


def no_end(which: int) -> Callable[[onnx.ModelProto], None]:
    """A spline without its ends: points are not clamped."""

    def edit(model: onnx.ModelProto) -> None:
        # A Clip with one limit is the root's, which must not be of less than nothing.
        clip = [
            node for node in model.graph.node if node.op_type == "Clip" and all(node.input) and len(node.input) == 3
        ][which]
        clip.op_type = "Identity"
        del clip.input[1:]

    return edit


@pytest.mark.parametrize(("graph", "which"), [("sample", 0), ("sample", -1), ("log_prob", 0), ("log_prob", -1)])
def test_a_spline_without_its_ends_is_seen(bounded: Exported, tmp_path: Path, graph: str, which: int) -> None:
    planted = Planted(bounded.path, tmp_path / "bounded")
    planted.edit_graph(graph, no_end(which))
    subjects = {check.subject for check in flowexport.verify(planted.path).failures}
    assert any(subject.startswith(f"{graph}, edge_") for subject in subjects), subjects


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
