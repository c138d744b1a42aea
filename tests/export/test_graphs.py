"""The graphs as files: what every runtime can read, and no rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from flowexport.lowering import lowered
from tests.reference_page import reference_flow

SPLINE = "RationalQuadraticSpline"
ARGUMENTS: dict[str, dict[str, Any]] = {
    "even features": {"features": 4},
    "odd features, context": {"features": 5, "context": 2},
    "one feature": {"features": 1},
    "splines": {"features": 3, "univariate": SPLINE},
    "splines on masks, their bins as in nflows": {
        "features": 4,
        "univariate": {"name": SPLINE, "constraint": "floor"},
        "masks": "random",
        "mixing": "LULinear",
    },
    "mixture, bounds": {
        "features": 2,
        "base": {"name": "GaussianMixture", "components": 3},
        "bounds": [(0, None), (0, 1)],
    },
}


@pytest.fixture(scope="module", params=ARGUMENTS.values(), ids=ARGUMENTS)
def files(request: pytest.FixtureRequest) -> tuple[bytes, bytes]:
    torch.manual_seed(0)
    form = lowered(reference_flow(transforms=3, hidden_features=(8,), **request.param))
    return form.graph("log_prob", "float32"), form.graph("sample", "float32")


def test_no_rows_give_no_rows(files: tuple[bytes, bytes]) -> None:
    """The batch axis is free, zero rows included: without a shape that only rows would have made right."""
    for data in files:
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        feeds = {each.name: np.zeros((0, *each.shape[1:]), np.float32) for each in session.get_inputs()}
        (found,) = session.run(None, feeds)
        assert found.shape == (0, *session.get_outputs()[0].shape[1:])


def test_far_out_the_density_is_nothing_and_of_no_number_it_is_none(files: tuple[bytes, bytes]) -> None:
    session = onnxruntime.InferenceSession(files[0], providers=["CPUExecutionProvider"])
    feeds = {each.name: np.full((2, *each.shape[1:]), 0.5, np.float32) for each in session.get_inputs()}
    feeds["x"][:, 0] = 1e30, np.nan
    (found,) = session.run(None, feeds)
    assert found[0] < -500
    assert np.isnan(found[1])


def test_nodes_have_names_of_their_own_and_no_attribute_that_says_nothing(files: tuple[bytes, bytes]) -> None:
    for data in files:
        graph = onnx.load_from_string(data).graph
        nodes, constants = graph.node, {constant.name for constant in graph.initializer}
        assert len({node.name for node in nodes}) == len(nodes)
        assert "ReduceLogSumExp" not in {node.op_type for node in nodes}
        # Of a shape that the graph computes, as older exporters have it, it says something.
        for node in (each for each in nodes if each.op_type == "Reshape" and each.input[1] in constants):
            assert "allowzero" not in {attribute.name for attribute in node.attribute}
