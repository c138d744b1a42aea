"""Flows of images, exported: folds change nothing, graphs are lean, and bundles say what the flow says."""

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import flowexport
from flowexport.errors import ArgumentError
from flowexport.flows import MultiScaleRealNVP, PerPart
from flowexport.flows.images import ConvolutionalConditioner, PerChannel
from flowexport.lowering.images.channels import ChannelLinear, ChannelShift, LeanCheckerboard, LeanSqueeze
from flowexport.lowering.images.folds import FOLDS, fold_all
from flowexport.lowering.images.lean import LeanImages
from flowexport.runtime.blocks import rows_a_block
from tests.flows.image_cases import IMAGES, context, images, make, paired

ROWS = 6


def numbers(lean: LeanImages, flow: MultiScaleRealNVP) -> tuple[torch.Tensor, torch.Tensor]:
    """Both directions of a lean flow."""
    torch.manual_seed(1)
    x, c, z = images(flow, ROWS), context(flow, ROWS), torch.randn(ROWS, flow.features, dtype=torch.float64)
    with torch.no_grad():
        return lean.log_prob(x, c), lean.sample(z, c)


def of_flow(flow: MultiScaleRealNVP) -> tuple[torch.Tensor, torch.Tensor]:
    """Both directions of the flow itself, on the same numbers."""
    torch.manual_seed(1)
    x, c, z = images(flow, ROWS), context(flow, ROWS), torch.randn(ROWS, flow.features, dtype=torch.float64)
    with torch.no_grad():
        return flow.log_prob(x, c), flow.sample_from(z, c)


def assert_same(found: tuple[torch.Tensor, torch.Tensor], expected: tuple[torch.Tensor, torch.Tensor]) -> None:
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-11)


# The folds


@pytest.mark.parametrize("name", IMAGES)
def test_every_fold_changes_nothing(name):
    flow = make(name)
    expected = of_flow(flow)
    lean = LeanImages(flow)
    assert_same(numbers(lean, flow), expected)
    for fold in FOLDS:
        with torch.no_grad():
            fold(lean)
        assert_same(numbers(lean, flow), expected)


@pytest.mark.parametrize("name", IMAGES)
def test_folds_leave_convolutions_products_and_one_add_a_normalisation(name):
    flow = make(name)
    lean = fold_all(LeanImages(flow))
    kinds = Counter(type(module) for module in lean.stack.modules())
    assert not kinds[nn.BatchNorm2d] + kinds[PerChannel]
    assert kinds[LeanSqueeze] == len(flow.stack.channels)
    assert kinds[LeanCheckerboard] == sum(len(stack.couplings) for stack in flow.stack.pixels)
    assert kinds[ConvolutionalConditioner] == len(flow.stack.couplings)
    maps = [
        each
        for stack in lean.stack.stacks
        for layer in stack.layers
        if isinstance(layer, PerPart)
        for each in layer.maps
    ]
    normalizations = sum(isinstance(each, ChannelShift) for each in maps)
    layers = [layer for stack in flow.stack.stacks for layer in stack.layers if isinstance(layer, PerPart)]
    mixings = sum(isinstance(each, ChannelLinear) for each in maps)
    assert normalizations + mixings == sum(len(layer.maps) for layer in layers)
    assert mixings == (0 if flow.arguments["mixing"] is None else sum(len(s.couplings) for s in flow.stack.channels))


@pytest.mark.parametrize("name", list(IMAGES)[:5])
def test_folding_leaves_the_trained_flow_alone(name):
    flow = make(name)
    before = {key: tensor.clone() for key, tensor in flow.state_dict().items()}
    fold_all(LeanImages(flow))
    assert all(torch.equal(tensor, before[key]) for key, tensor in flow.state_dict().items())


# Bundles

EXPORTED = {
    "digits": {"shape, scales": ((1, 8, 8), 2), "couplings": 3, "normalization": "ActNorm"},
    "colours by class": {
        "shape, scales": ((3, 4, 4), 2),
        "context": "one-hot and a number",
        "residual_blocks": 2,
        "activation": "SiLU",
        "batch_norm": True,
        "normalization": "BatchNorm",
        "mixing": "LULinear",
    },
    "splines on an odd image": {
        "shape, scales": ((1, 3, 5), 1),
        "context": "numbers",
        "univariate": {"name": "RationalQuadraticSpline", "bins": 4, "bound": 6.0},
        "normalization": "ActNorm",
    },
    "three scales": {
        "shape, scales": ((2, 8, 8), 3),
        "univariate": {"name": "Inverse", "univariate": "SigmoidAffine"},
        "mixing": "Permutation",
    },
}
"""What is exported whole: the conditioners, maps, layers and contexts of the folds' cases, some of each."""

DEFAULTS = {
    "context": "no context",
    "residual_blocks": 1,
    "activation": "ReLU",
    "batch_norm": False,
    "dropout": 0.0,
    "univariate": "Affine",
    "normalization": None,
    "mixing": None,
    "couplings": 2,
    "levels, alpha": (17, 0.05),
}


@pytest.fixture(scope="session", params=EXPORTED)
def bundle(request, tmp_path_factory) -> tuple[MultiScaleRealNVP, Path]:
    """A flow, and its bundle, which is only there where every check of its proof has passed."""
    torch.manual_seed(0)
    # Less noise than elsewhere: weights that no training makes take images to latents of 10⁴, and float32 with them.
    flow = paired(DEFAULTS | EXPORTED[request.param], noise=0.05)
    path = tmp_path_factory.mktemp("images") / request.param.replace(" ", "-")
    flowexport.export(flow, path, images(flow, 100), context(flow, 100))
    return flow, path


def both(run: Callable[[Path], None], path: Path) -> None:
    for name in ("log_prob", "sample"):
        run(path / f"{name}.onnx")


def test_graphs_hold_few_kinds_of_operators(bundle):
    flow, path = bundle

    def check(file: Path) -> None:
        graph = onnx.load(file).graph
        kinds = Counter(node.op_type for node in graph.node)
        squeezes = kinds["SpaceToDepth"] + kinds["DepthToSpace"]
        assert squeezes == len(flow.stack.channels)
        # Nothing that computes with shapes: the batch axis passes through.
        assert not kinds.keys() & {"Shape", "Gather", "Size", "ConstantOfShape", "Expand", "Loop", "If", "Scan"}
        spline = "Spline" in str(flow.arguments["univariate"])
        assert bool(kinds["Transpose"]) <= spline
        whole = [
            onnx.numpy_helper.to_array(each) for each in graph.initializer if each.data_type == onnx.TensorProto.INT64
        ]
        assert all(np.abs(each).max(initial=0) < 2**31 for each in whole)

    both(check, path)


def test_flow_json_says_that_it_is_of_images(bundle):
    flow, path = bundle
    manifest = json.loads((path / "flow.json").read_text())
    assert manifest["levels"] == 17
    assert manifest["features"] is None
    assert manifest["event_shape"] == list(flow.event_shape)
    assert manifest["latent_size"] == flow.features
    assert manifest["architecture"]["flow"] == "MultiScaleRealNVP"
    assert np.load(path / "golden" / "x.npy").shape == (64, *flow.event_shape)


def test_the_bundle_gives_the_numbers_of_the_flow(bundle):
    flow, path = bundle
    exact = flow.double()
    torch.manual_seed(5)
    x, c, z = images(exact, 40), context(exact, 40), torch.randn(40, flow.features, dtype=torch.float64)
    expected, samples = exact.log_prob(x, c).detach().numpy(), exact.sample_from(z, c).detach().numpy()
    flow.float()
    model = flowexport.load(path, device="cpu")
    c = None if c is None else c.float().numpy()
    np.testing.assert_allclose(model.log_prob(x.float().numpy(), c), expected, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(model.sample_from(z.float().numpy(), c), samples, rtol=1e-5, atol=2e-3)


def test_samples_are_images_in_pixel_units_and_scores_are_zero_outside(bundle):
    flow, path = bundle
    model = flowexport.load(path, device="cpu")
    given = None if not flow.context else context(flow)[None].float().numpy()[0]
    x, log_prob = model.sample_and_log_prob(9, given, seed=1)
    margin = 0.05 * 17 / 0.9
    assert x.shape == (9, *flow.event_shape)
    assert x.min() > -margin
    assert x.max() < 17 + margin
    assert np.isfinite(log_prob).all()
    assert model.log_prob(x[:0], given).shape == (0,)
    x[0, 0, 0, 0] = 17 + 1.01 * margin
    assert model.log_prob(x, given)[0] == -math.inf
    assert model.log_prob(x.reshape(3, 3, *flow.event_shape), given).shape == (3, 3)


def test_images_are_run_in_blocks_of_so_many_pixels():
    assert rows_a_block((1, 8, 8)) == rows_a_block((1000,)) == 1024
    assert rows_a_block((1, 28, 28)) == 83
    assert rows_a_block((3, 1024, 1024)) == 1


def test_float64_is_refused_by_name(tmp_path):
    flow = MultiScaleRealNVP((1, 4, 4), hidden_channels=2, residual_blocks=0)
    with pytest.raises(ArgumentError, match="dtype: images are exported in float32"):
        flowexport.export(flow, tmp_path / "b", dtype="float64")
    assert not (tmp_path / "b").exists()


def test_data_of_another_shape_are_refused(tmp_path):
    flow = MultiScaleRealNVP((1, 4, 4), hidden_channels=2, residual_blocks=0)
    with pytest.raises(ArgumentError, match=r"data: expected finite numbers \[rows, 1, 4, 4\], got shape \(9, 4, 4\)"):
        flowexport.export(flow, tmp_path / "b", np.ones((9, 4, 4)))
