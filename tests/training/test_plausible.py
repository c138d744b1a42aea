"""A small config.json that asks for more than its weights hold is refused before any memory is taken."""

from typing import Any

import pytest
import torch

from flowexport.flows import architecture_of
from flowexport.training.checkpoint import MARGIN
from flowexport.training.plausible import least_numbers
from tests.reference_page import reference_flow

PLAIN: dict[str, Any] = {"features": 4, "transforms": 3, "hidden_features": [8, 8]}
GRADED: dict[str, Any] = PLAIN | {"context": 3, "categories": [5, 0, 7], "embeddings": [0, 0, 3]}

BUILT: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "no hidden layer": PLAIN | {"hidden_features": []},
    "odd": PLAIN | {"features": 5},
    "random masks": PLAIN | {"masks": "random"},
    "lopsided masks": PLAIN | {"masks": [[True, False, False, False], [False, True, True, True]] * 1, "transforms": 2},
    "custom masks": PLAIN | {"masks": [[True, False, False, False]] * 2 + [[False, True, True, True]]},
    "spline": PLAIN | {"univariate": {"name": "RationalQuadraticSpline", "bins": 16}},
    "additive": PLAIN | {"univariate": "Additive"},
    "residual": PLAIN | {"residual": True, "layer_norm": True},
    "linear": PLAIN | {"mixing": "LULinear", "normalization": "ActNorm"},
    "mixture": PLAIN | {"base": {"name": "GaussianMixture", "components": 9}},
    "categories": GRADED,
    "one feature": {"features": 1, "transforms": 2, "hidden_features": [1000, 1000]},
    "one feature with context": {"features": 1, "context": 2, "transforms": 2, "hidden_features": [6]},
    "one feature with categories": {"features": 1, "context": 1, "categories": [4], "hidden_features": []},
}


@pytest.mark.parametrize("name", BUILT)
def test_the_bound_is_no_more_than_what_a_flow_has_and_not_far_from_it(name: str) -> None:
    torch.manual_seed(0)
    flow = reference_flow(**BUILT[name])
    total = sum(tensor.numel() for tensor in flow.state_dict().values())
    least = least_numbers(architecture_of(flow))
    assert least <= total
    # Full-width weights behind a mask are twice those of two halves.
    assert total <= 2.5 * least + 20


LARGE = 10**6
HUGE: dict[str, dict[str, Any]] = {
    "features": PLAIN | {"features": LARGE},
    "transforms": PLAIN | {"transforms": LARGE},
    "context": PLAIN | {"context": LARGE},
    "categories": GRADED | {"categories": [LARGE, 0, 7]},
    "embeddings": GRADED | {"embeddings": [LARGE, 0, 3]},
    "bins": PLAIN | {"univariate": {"name": "RationalQuadraticSpline", "bins": LARGE, "slope": 1e-9}},
    "components": PLAIN | {"base": {"name": "GaussianMixture", "components": LARGE}},
    "a wide layer at the end": PLAIN | {"features": 400, "hidden_features": [1, 400], "transforms": 1},
    "a wide residual block": PLAIN | {"hidden_features": [400], "residual": True},
    "a linear map": PLAIN | {"features": 400, "hidden_features": [1], "mixing": "LULinear"},
    "an integer of 400 digits": PLAIN | {"features": 10**400},
}


@pytest.mark.parametrize("name", HUGE)
def test_each_argument_that_takes_memory_is_bounded(name: str) -> None:
    total = 20_000
    assert least_numbers({"flow": "RealNVP", "arguments": HUGE[name]}) > MARGIN * total


@pytest.mark.parametrize("value", [None, -3, 2.5, "8", True, [], {}, [[]], float("inf")], ids=str)
@pytest.mark.parametrize("key", ["features", "context", "transforms", "hidden_features", "masks", "base", "categories"])
def test_arguments_of_any_type_are_counted_without_a_fault(key: str, value: object) -> None:
    assert least_numbers({"flow": "RealNVP", "arguments": GRADED | {key: value}}) >= 0
