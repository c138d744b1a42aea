"""What a flow of images promises, over the flows of image_cases.py, and known answers of its parts."""

import json
import math

import pytest
import torch
from torch import Size
from torch.autograd.functional import jacobian
from torch.distributions import Independent, Normal, TransformedDistribution
from torch.distributions.transforms import AffineTransform, SigmoidTransform

from benchmarks.images import of_normflows
from flowexport.errors import ArgumentError
from flowexport.flows import MultiScaleRealNVP, architecture_of, build
from flowexport.flows.images import ChannelStack, Squeeze
from flowexport.flows.images.layers import checkerboards
from tests.flows.image_cases import IMAGES, context, images, make

EXACT = {"rtol": 1e-9, "atol": 1e-9}


@pytest.fixture(params=IMAGES)
def flow(request) -> MultiScaleRealNVP:
    return make(request.param)


# The bijection


def test_inverse_undoes_transform(flow):
    transform = flow(context(flow)).transform
    x, z = images(flow, 8), torch.randn(8, flow.features, dtype=torch.float64)
    torch.testing.assert_close(transform.inv(transform(x)), x, **EXACT)
    torch.testing.assert_close(transform(transform.inv(z)), z, **EXACT)


@pytest.mark.parametrize("direction", ["transform", "inverse"])
def test_log_det_is_that_of_autograds_jacobian(flow, direction):
    transform = flow(context(flow)).transform
    point = images(flow)
    if direction == "inverse":
        point, transform = transform(point), transform.inv
    by_autograd = jacobian(transform, point).reshape(flow.features, flow.features)
    expected = torch.linalg.slogdet(by_autograd).logabsdet
    torch.testing.assert_close(transform.log_abs_det_jacobian(point, transform(point)), expected, **EXACT)


def test_log_prob_is_that_of_the_latent_and_the_log_det(flow):
    x, c = images(flow, 8), context(flow, 8)
    u, log_det = flow.forward_and_log_det(x, c)
    assert u.shape == Size([8, flow.features])
    normal = Independent(Normal(torch.zeros_like(u), 1.0), 1)
    torch.testing.assert_close(flow.log_prob(x, c), normal.log_prob(u) + log_det, **EXACT)


@pytest.mark.parametrize("leading", [(), (5,), (3, 2), (0,), (0, 2)], ids=str)
def test_any_leading_axes_go_through(flow, leading):
    x, c = images(flow, *leading), context(flow, *leading)
    log_prob = flow(c).log_prob(x)
    assert log_prob.shape == Size(leading)
    u, log_det = flow.forward_and_log_det(x, c)
    assert (u.shape, log_det.shape) == (Size([*leading, flow.features]), Size(leading))
    back, minus_log_det = flow.inverse_and_log_det(u, c)
    assert (back.shape, minus_log_det.shape) == (x.shape, Size(leading))
    torch.testing.assert_close(minus_log_det, -log_det, **EXACT)
    flat_x = x.reshape(-1, *flow.event_shape) if x.numel() else x.reshape(0, *flow.event_shape)
    flat_c = [None] * len(flat_x) if c is None else c.reshape(-1, flow.context)
    one_by_one = [flow(ci).log_prob(xi) for xi, ci in zip(flat_x, flat_c, strict=False)]
    expected = torch.stack(one_by_one).reshape(leading) if one_by_one else log_prob.new_empty(leading)
    torch.testing.assert_close(log_prob, expected, **EXACT)


def test_samples_have_sample_batch_and_event_shape(flow):
    batch = (4,) if flow.context else ()
    x, log_prob = flow(context(flow, *batch)).rsample_and_log_prob((2, 3))
    assert x.shape == Size([2, 3, *batch, *flow.event_shape])
    assert log_prob.shape == Size([2, 3, *batch])


def test_outside_of_the_logit_map_the_density_is_zero(flow):
    x = images(flow, 2)
    margin = flow.arguments["alpha"] * flow.levels / (1 - 2 * flow.arguments["alpha"])
    for edge in (-1.001 * margin, flow.levels + 1.001 * margin):
        x[1, 0, 0, 0] = edge
        log_prob = flow.log_prob(x, context(flow, 2))
        assert log_prob.isfinite().tolist() == [True, False]
        assert log_prob[1] == -math.inf


# Training and keeping


def test_gradients_reach_every_parameter(flow):
    flow.train()
    flow.log_prob(images(flow, 4), context(flow, 4)).sum().backward()
    without = [name for name, parameter in flow.named_parameters() if parameter.grad is None]
    assert not without


def test_is_built_again_from_plain_values(flow):
    x, c = images(flow, 3), context(flow, 3)
    again = build(json.loads(json.dumps(architecture_of(flow)))).double().eval()
    again.load_state_dict(flow.state_dict())
    assert torch.equal(again.log_prob(x, c), flow.log_prob(x, c))


def test_masks_are_no_part_of_the_weights(flow):
    assert not [name for name in flow.state_dict() if "kept" in name or "moved" in name or "bounds" in name]


# Known answers


def test_the_squeeze_goes_by_rows_of_each_block():
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    expected = [[[0, 2], [8, 10]], [[1, 3], [9, 11]], [[4, 6], [12, 14]], [[5, 7], [13, 15]]]
    assert Squeeze()(x)[0].tolist() == expected
    two = torch.cat([x, x + 100], dim=1)
    # All channels of one place in the block, then of the next.
    assert Squeeze()(two)[0, :, 0, 0].tolist() == [0, 100, 1, 101, 4, 104, 5, 105]
    assert torch.equal(Squeeze().inverse(Squeeze()(two)), two)


def test_checkerboards_take_turns():
    first, second, third = checkerboards(2, 3, 3)
    assert first.tolist() == [[True, False, True], [False, True, False]]
    assert torch.equal(second, ~first)
    assert torch.equal(third, first)


def silent(**arguments) -> MultiScaleRealNVP:
    """A flow whose couplings say nothing yet."""
    return MultiScaleRealNVP(normalization=None, hidden_channels=4, residual_blocks=1, **arguments).double().eval()


@pytest.mark.parametrize("mixing", [None, "Permutation"])
def test_without_a_word_of_the_couplings_pixels_are_logit_normal(mixing):
    flow = silent(shape=(2, 4, 4), levels=10, alpha=0.1, mixing=mixing)
    x = images(flow, 5)
    # x = (sigmoid(u) − α) · levels / (1 − 2α), as section 4.1 of the paper has it, by torch's own transforms.
    to_pixels = [SigmoidTransform(), AffineTransform(-0.1 * 10 / 0.8, 10 / 0.8)]
    pixel = TransformedDistribution(Normal(torch.zeros(2, 4, 4, dtype=torch.float64), 1.0), to_pixels)
    torch.testing.assert_close(flow().log_prob(x), Independent(pixel, 3).log_prob(x), **EXACT)


def test_an_invertible_convolution_starts_as_a_rotation():
    flow = silent(shape=(1, 4, 4), levels=10, mixing="LULinear")
    x = images(flow, 5)
    # Its triangles are rounded to float32 as they are made.
    close = {"rtol": 1e-5, "atol": 1e-5}
    torch.testing.assert_close(flow().log_prob(x), silent(shape=(1, 4, 4), levels=10)().log_prob(x), **close)
    (first,) = flow.stack.channels[0].layers[0].maps
    weight = first.of_channels.weight()
    torch.testing.assert_close(weight @ weight.T, torch.eye(4, dtype=torch.float64), **close)


def test_each_scale_leaves_the_lower_pixels_of_its_blocks():
    flow = silent(shape=(1, 4, 8), levels=16, scales=2)
    x = images(flow, 1)
    u = flow.forward_and_log_det(x)[0].reshape(2, 2, 2, 4)
    logit = flow.bounds.forward_and_log_det(x)[0][0, 0]
    torch.testing.assert_close(u[0], torch.stack([logit[1::2, 0::2], logit[1::2, 1::2]]))
    torch.testing.assert_close(u[1], torch.stack([logit[0::2, 0::2], logit[0::2, 1::2]]))


def test_the_architecture_is_that_of_the_paper():
    flow = MultiScaleRealNVP((3, 32, 32), scales=3, couplings=3, hidden_channels=2, residual_blocks=0)
    kinds = [("channels" if isinstance(stack, ChannelStack) else "pixels") for stack in flow.stack.stacks]
    assert kinds == ["pixels", "channels", "pixels", "channels", "pixels"]
    assert [len(stack.couplings) for stack in flow.stack.stacks] == [3, 3, 3, 3, 4]
    assert flow.stack.latent_shapes == [(6, 16, 16), (12, 8, 8), (12, 8, 8)]
    assert flow.features == flow.latent_size == 3 * 32 * 32


def test_a_coupling_keeps_its_pixels_and_is_told_nothing_of_the_others(flow):
    image, c = torch.randn(3, *flow.event_shape, dtype=torch.float64), context(flow, 3)
    c = flow._context(c)
    height, width = flow.event_shape[1:]
    for coupling, mask in zip(flow.stack.pixels[0].couplings, checkerboards(height, width, 3), strict=False):
        moved, _ = coupling.forward_and_log_det(image, image, c)
        torch.testing.assert_close(moved[..., mask], image[..., mask], **EXACT)
        assert (moved[..., ~mask] != image[..., ~mask]).all()
        elsewhere = torch.where(mask, image, image + 7)
        for one, other in zip(coupling.conditioner(image, c), coupling.conditioner(elsewhere, c), strict=True):
            assert torch.equal(one, other)


def test_gives_the_numbers_of_normflows_from_the_same_weights():
    torch.manual_seed(0)
    # One channel and one squeeze: of more channels normflows orders the squeezed ones otherwise.
    flow = MultiScaleRealNVP(
        (1, 8, 8),
        levels=16,
        # The ends of the logit map are then 1 from those of the pixels, a number that a float32 buffer holds exactly.
        alpha=1 / 18,
        hidden_channels=6,
        residual_blocks=1,
        univariate={"name": "Inverse", "univariate": "ExponentialAffine"},
    ).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        flow.train().log_prob(images(flow, 50))
    flow.eval()
    theirs = of_normflows(flow).double()
    x = images(flow, 20)
    # Theirs is a density of x / levels.
    expected = theirs.log_prob(x / flow.levels, None) - flow.features * math.log(flow.levels)
    torch.testing.assert_close(flow().log_prob(x), expected, **EXACT)
    u = torch.randn(20, flow.features, dtype=torch.float64)
    fine, coarse = (
        part.reshape(-1, *shape) for part, shape in zip(u.split(32, 1), flow.stack.latent_shapes, strict=True)
    )
    pixels, _ = theirs.forward_and_log_det([coarse, fine])
    torch.testing.assert_close(flow.sample_from(u), pixels * flow.levels, **EXACT)


# What cannot be


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (8, 8)}, "shape: expected (channels, height, width)"),
        ({"shape": (0, 8, 8)}, "shape: expected a whole number of at least 1"),
        ({"levels": 1}, "levels: expected a whole number of at least 2"),
        ({"alpha": 0.0}, "alpha: expected a number in (0, 0.5)"),
        ({"alpha": 0.5}, "alpha: expected a number in (0, 0.5)"),
        ({"shape": (1, 7, 8)}, "scale 1 is 7 × 8, which has no half; take scales=1"),
        ({"shape": (1, 28, 28), "scales": 4}, "scale 3 is 7 × 7, which has no half; take scales=3"),
        ({"shape": (1, 2, 2), "scales": 2}, "scale 2 is a single pixel, which no checkerboard divides; take scales=1"),
        ({"shape": (3, 1, 1), "scales": 1}, "scale 1 is a single pixel"),
        ({"couplings": 0}, "couplings: expected a whole number of at least 1"),
        ({"hidden_channels": 0}, "hidden_channels: expected a whole number of at least 1"),
        ({"residual_blocks": -1}, "residual_blocks: expected a whole number of at least 0"),
        ({"activation": "Sigmoid"}, "activation: 'Sigmoid' is not one of"),
        ({"batch_norm": 1}, "batch_norm: expected True or False"),
        ({"dropout": 1.0}, "dropout: expected a number in [0, 1)"),
        ({"dropout": 0.1, "residual_blocks": 0}, "dropout: is inside residual blocks, and there are none"),
        ({"univariate": "Cubic"}, "univariate: 'Cubic' is not one of"),
        ({"normalization": "LayerNorm"}, "normalization: 'LayerNorm' is not one of ActNorm, BatchNorm or None"),
        ({"mixing": "Conv"}, "mixing: 'Conv' is not one of LULinear, Permutation or None"),
        ({"context": -1}, "context: expected a whole number of at least 0"),
        ({"context": 2, "categories": [3]}, "categories: expected a whole number for each of 2 context columns"),
    ],
    ids=str,
)
def test_refuses_by_name(arguments, message):
    with pytest.raises(ArgumentError) as error:
        MultiScaleRealNVP(**{"shape": (1, 8, 8), "levels": 17} | arguments)
    assert message in str(error.value)


@pytest.mark.parametrize("shape", [(64,), (8, 8), (2, 1, 8, 4)], ids=str)
def test_images_of_another_shape_are_refused(shape):
    flow = silent(shape=(1, 8, 8), levels=17)
    with pytest.raises(ArgumentError, match=r"expected rows of shape \(1, 8, 8\), got shape"):
        flow().log_prob(torch.zeros(shape, dtype=torch.float64))
