"""A graph over bindings: results are the caller's own, buffers are bounded, threads do not share them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import flowexport
from flowexport.bundle import open_bundle
from flowexport.bundle.schema import GraphSpec
from flowexport.errors import BundleError
from flowexport.flows import CouplingFlow, Flow, RealNVP
from flowexport.runtime.blocks import BLOCK_NUMBERS, fit_apart, rows_a_block, widest
from flowexport.runtime.device import Device
from flowexport.runtime.engine import Signature
from flowexport.runtime.graph import BOUND_NUMBERS, KEPT_SHAPES, Graph
from tests.conftest import Exported

SIGNATURE = Signature({"x": (2,)}, "log_prob", (), np.dtype(np.float32))
FEW = BOUND_NUMBERS // 3
"""The most rows of two features and a result that are copied."""


@pytest.fixture
def graph(plain: Exported) -> Graph:
    return Graph(open_bundle(plain.path).graph("log_prob")[0], Device("cpu"), SIGNATURE, "log_prob.onnx")


def of_session(graph: Graph, x: np.ndarray) -> np.ndarray:
    return graph.session.run(["log_prob"], {"x": x})[0]


@pytest.mark.parametrize("rows", [1, 2, FEW, FEW + 1])
def test_it_gives_what_the_session_gives(graph: Graph, rows: int) -> None:
    x = np.random.default_rng(rows).standard_normal((rows, 2), np.float32)
    first = graph.run(x)
    np.testing.assert_array_equal(first, of_session(graph, x))
    second = graph.run(x + 1)
    np.testing.assert_array_equal(first, of_session(graph, x))
    np.testing.assert_array_equal(second, of_session(graph, x + 1))


@pytest.mark.parametrize("rows", [3, FEW + 1])
def test_rows_of_another_type_or_order_of_memory_are_converted(graph: Graph, rows: int) -> None:
    x = np.random.default_rng(0).integers(-3, 4, (rows, 2))
    expected = of_session(graph, x.astype(np.float32))
    for given in (x, x.astype(np.float64), np.asfortranarray(x, np.float32), np.repeat(x, 2, axis=0)[::2]):
        out = np.full(rows, np.nan, np.float32)
        graph.run_into([given], out)
        np.testing.assert_array_equal(out, expected)


def test_many_rows_are_written_where_the_caller_wants_them(graph: Graph) -> None:
    x = np.zeros((FEW + 1, 2), np.float32)
    out = np.full(3 * len(x), np.nan, np.float32)
    graph.run_into([x], out[len(x) : 2 * len(x)])
    np.testing.assert_array_equal(np.isfinite(out), np.repeat([False, True, False], len(x)))


def test_a_thread_keeps_the_buffers_of_a_bounded_number_of_shapes(graph: Graph) -> None:
    for rows in range(1, 3 * KEPT_SHAPES):
        x = np.full((rows, 2), rows, np.float32)
        np.testing.assert_array_equal(graph.run(x), of_session(graph, x))
        assert len(graph._local.bound) <= KEPT_SHAPES
    before = graph._local.bound[rows].binding
    graph.run(x)
    assert graph._local.bound[rows].binding is before


def test_threads_have_buffers_of_their_own(graph: Graph) -> None:
    faults: list[Any] = []

    def work(value: int) -> None:
        x = np.full((5, 2), value, np.float32)
        expected = of_session(graph, x)
        faults.extend(1 for _ in range(300) if not np.array_equal(graph.run(x), expected))

    threads = [threading.Thread(target=work, args=(value,)) for value in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_what_cannot_be_run_is_said_with_the_file(graph: Graph) -> None:
    with pytest.raises(BundleError, match=r"log_prob\.onnx: cannot be run"):
        graph.run_into([np.zeros((FEW + 1, 3), np.float32)], np.empty(FEW + 1, np.float32))


@pytest.mark.parametrize(
    ("event_shape", "kind", "width", "rows"),
    [
        ((2,), "cpu", 64, 1024),
        ((2,), "cpu", 512, 1024),
        ((2,), "cpu", 1024, 512),
        ((2,), "cpu", 0, 1024),
        ((2,), "cuda", 64, 65_536),
        ((1, 28, 28), "cpu", 0, 83),
        ((3, 1000, 1000), "cpu", 0, 1),
    ],
)
def test_blocks_are_as_large_as_the_cache_is_good_for(
    event_shape: tuple[int, ...], kind: str, width: int, rows: int
) -> None:
    assert rows_a_block(event_shape, kind, width) == rows


def spec_of(**facts: int) -> GraphSpec:
    return GraphSpec("log_prob.onnx", 18, [], [], **facts)


@pytest.mark.parametrize(
    ("facts", "width"), [([{"widest": 64}, {"widest": 300}], 300), ([{}, {"widest": 5}], 5), ([{}], 0), ([], 0)]
)
def test_the_widest_result_is_what_flow_json_says_if_it_says_it(facts: list[dict[str, int]], width: int) -> None:
    assert widest([spec_of(**each) for each in facts]) == width


@pytest.mark.parametrize(("between", "rows", "apart"), [(4096, 1024, True), (4097, 1024, False), (0, 1024, True)])
def test_what_is_between_operators_is_kept_apart_where_it_is_known_to_be_little(
    between: int, rows: int, apart: bool
) -> None:
    assert fit_apart(spec_of(between=between), rows) is apart
    assert not fit_apart(spec_of(), 1)


@pytest.mark.parametrize("kind", [RealNVP, CouplingFlow])
def test_a_graph_has_the_same_blocks_whatever_made_it(kind: type[Flow], tmp_path: Path) -> None:
    """By what the exporter says of the graph, and not by the arguments of a class."""
    torch.manual_seed(0)
    if kind is RealNVP:
        flow: Flow = RealNVP(2, transforms=2, hidden_features=(700,))
    else:
        masks = [True, False], [False, True]
        flow = CouplingFlow(2, layers=[{"layer": "Coupling", "mask": mask, "hidden_features": [700]} for mask in masks])
    flowexport.export(flow, tmp_path / "wide")
    model = flowexport.load(tmp_path / "wide", device="cpu", engine="onnxruntime")
    assert {spec.widest for spec in model.manifest.graphs.values()} == {700}
    assert model.workers.block_rows == BLOCK_NUMBERS // 700


@pytest.mark.parametrize(("name", "reuse"), [("banana", False), ("diamonds", True)])
def test_a_model_asks_for_memory_apart_where_it_fits(name: str, reuse: bool) -> None:
    model = flowexport.load(name, device="cpu", engine="onnxruntime")
    options = [graph.session.get_session_options() for graph in model.graphs.values()]
    assert [each.enable_mem_reuse for each in options] == [reuse, reuse]
