"""A wrong argument is refused where it is given, and by its name."""

import math

import pytest
import torch
from torch import nn

from flowexport.errors import ArgumentError, FlowExportError
from flowexport.flows import Affine, Standardize, architecture_of, build
from tests.reference_page import reference_flow


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *[("features", value) for value in (0, -1, "x", True, 1.5, None)],
        *[("context", value) for value in (-1, "x", True, 0.5, None)],
        *[("transforms", value) for value in (0, -2, "3", False)],
        *[("randmask", value) for value in (1, "yes", None)],
        *[("hidden_features", value) for value in ((0,), (8, -1), (8, "x"), (True,), "64", 64, None)],
        *[("activation", value) for value in ("Nope", "relu", 3)],
        *[("univariate", value) for value in ("Nope", 3)],
        *[("masks", value) for value in ("odd", 3, [[True, False, True]], [[True] * 3] * 3, [[True, False]] * 3)],
        *[("masks", value) for value in ([[False] * 3] * 3, [[2, 0, 1]] * 3, ["abc"] * 3)],
        *[("cover", value) for value in (1, False)],
        *[("normalization", value) for value in ("LayerNorm", 3)],
        *[("mixing", value) for value in ("Conv", True)],
        *[("scaling", value) for value in (1, None)],
        *[("residual", value) for value in (1, "yes")],
        *[("layer_norm", value) for value in (0, None)],
        *[("dropout", value) for value in (1.0, -0.1, True, "x", math.nan)],
        *[("base", value) for value in ("Uniform", 3, None, "ConditionalNormal", "GaussianMixture", {})],
        *[("base", {"name": "GaussianMixture", "components": value}) for value in (1, 2.5, None)],
        *[
            ("base", value)
            for value in ({"name": "StandardNormal", "components": 2}, {"name": "GaussianMixture", "k": 2})
        ],
        *[("bounds", value) for value in (3, [(0, 1)], [(0, 1, 2)] * 3, [(1, 1)] * 3, [(0, math.inf)] * 3, ["ab"] * 3)],
        *[("categories", value) for value in (3, [2], [2, 3, 4, 5])],
    ],
    ids=lambda value: repr(value).replace(" ", ""),
)
def test_constructor_names_the_argument(argument, value):
    arguments = {"features": 3, argument: value}
    with pytest.raises(ArgumentError, match=f"^{argument}: "):
        reference_flow(**arguments)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"features": 1, "mixing": "LULinear"}, "mixing"),
        ({"features": 1, "masks": [[True]] * 3}, "masks"),
        ({"randmask": True, "masks": "halves"}, "randmask"),
        ({"randmask": True, "transforms": 1}, "cover"),
        ({"masks": "halves", "cover": False}, "cover"),
        ({"residual": True, "hidden_features": (8, 9)}, "residual"),
        ({"residual": True, "hidden_features": ()}, "residual"),
        ({"layer_norm": True, "hidden_features": ()}, "layer_norm"),
        ({"dropout": 0.1, "hidden_features": ()}, "dropout"),
        ({"context": 2, "categories": [1, 0]}, "categories"),
        ({"context": 2, "categories": [-1, 0]}, "categories"),
        ({"context": 2, "categories": [3, 0], "embeddings": [2]}, "embeddings"),
        ({"context": 2, "categories": [3, 0], "embeddings": [0, 2]}, "embeddings"),
        ({"context": 2, "embeddings": [2, 0]}, "embeddings"),
    ],
    ids=str,
)
def test_arguments_that_do_not_go_together(arguments, named):
    with pytest.raises(ArgumentError, match=f"^{named}: "):
        reference_flow(**{"features": 3} | arguments)


def test_it_is_an_error_of_this_package_and_a_value_error():
    with pytest.raises(FlowExportError):
        reference_flow(0)
    with pytest.raises(ValueError, match="features"):
        reference_flow(0)


@pytest.mark.parametrize(
    ("width", "c"),
    [
        (2, None),
        (0, torch.zeros(2)),
        (2, torch.zeros(3)),
        (2, torch.zeros(4, 1)),
        (2, torch.tensor(1.0)),
    ],
    ids=["missing", "unasked for", "too wide", "too narrow", "a scalar"],
)
def test_context_that_does_not_fit(width, c):
    with pytest.raises(ArgumentError, match=r"^c: .*context|^c: expected a last axis of 2"):
        reference_flow(3, context=width, hidden_features=(8,))(c)


@pytest.mark.parametrize("x", [torch.zeros(2), torch.zeros(5, 4), torch.tensor(0.0)], ids=["narrow", "wide", "scalar"])
@pytest.mark.parametrize("method", ["log_prob", "transform", "inverse", "log_abs_det_jacobian"])
@pytest.mark.parametrize("randmask", [False, True])
def test_rows_that_do_not_fit(x, method, randmask):
    distribution = reference_flow(3, hidden_features=(8,), randmask=randmask)()
    calls = {
        "log_prob": distribution.log_prob,
        "transform": distribution.transform,
        "inverse": distribution.transform.inv,
        "log_abs_det_jacobian": lambda x: distribution.transform.log_abs_det_jacobian(x, x),
    }
    with pytest.raises(ArgumentError, match="3 features, got shape"):
        calls[method](x)


@pytest.mark.parametrize("slope", [0.0, 1.0, -0.5, float("nan")])
def test_slope_of_the_clamp(slope):
    with pytest.raises(ArgumentError, match=r"^slope: "):
        Affine(slope)


@pytest.mark.parametrize(
    ("mean", "scale", "argument"),
    [
        ([0.0, float("nan")], [1.0, 1.0], "mean"),
        ([0.0], [1.0, 1.0], "mean"),
        ([0.0, 0.0], [1.0, float("inf")], "scale"),
        ([0.0, 0.0], [1.0, 0.0], "scale"),
        ([0.0, 0.0], [1.0, -2.0], "scale"),
        ([0.0, 0.0], [1.0], "scale"),
    ],
)
def test_standardisation(mean, scale, argument):
    with pytest.raises(ArgumentError, match=f"^{argument}: "):
        Standardize(2).fit(torch.tensor(mean), torch.tensor(scale))


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ({}, "flow: None"),
        ({"flow": "MAF", "arguments": {}}, "flow: 'MAF'"),
        ({"flow": "RealNVP"}, "arguments: not there"),
        ({"flow": "RealNVP", "arguments": {"features": 2, "colour": 1}}, "colour"),
        ({"flow": "RealNVP", "arguments": {}}, "features"),
        ({"flow": "RealNVP", "arguments": {"features": 0}}, "^features: "),
    ],
    ids=str,
)
def test_architecture_that_cannot_be_built(architecture, message):
    with pytest.raises(ArgumentError, match=message):
        build(architecture)


def test_what_has_no_name_cannot_be_saved():
    flow = reference_flow(3, hidden_features=(8,), activation=lambda: nn.ReLU())
    with pytest.raises(ArgumentError, match=r"^activation: "):
        architecture_of(flow)
