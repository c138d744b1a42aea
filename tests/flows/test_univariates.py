"""Univariate bijections: one battery for all, one line for each."""

import math
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from flowexport.errors import ArgumentError
from flowexport.flows import (
    Additive,
    Affine,
    ExponentialAffine,
    Inverse,
    RationalQuadraticSpline,
    SigmoidAffine,
    build,
    register,
)
from flowexport.flows.build import architecture_of
from flowexport.flows.univariate import UNIVARIATES, AffineSpline
from flowexport.testing import check_univariate
from tests.reference_page import reference_flow

MAPS: dict[str, nn.Module] = {
    "additive": Additive(),
    "affine": Affine(),
    "affine, narrow": Affine(slope=0.5),
    "exponential": ExponentialAffine(),
    "sigmoid": SigmoidAffine(),
    "sigmoid, floor": SigmoidAffine(floor=1e-3, ceiling=1.001),
    "sigmoid, shift before": SigmoidAffine(shift_side="before"),
    "affine map and spline": AffineSpline(),
    "spline": RationalQuadraticSpline(),
    "spline, narrow": RationalQuadraticSpline(bins=5, bound=2.0),
    "spline, floor": RationalQuadraticSpline(bins=6, bound=3.0, constraint="floor"),
    "inverse affine": Inverse(Affine),
    "inverse spline": Inverse(RationalQuadraticSpline(bins=4)),
    "inverse of an inverse": Inverse(Inverse(Affine(slope=0.1))),
}


@pytest.mark.parametrize("name", MAPS)
def test_the_battery(name):
    check_univariate(MAPS[name])


def test_every_registered_map_is_in_the_battery():
    assert {type(each).__name__ for each in MAPS.values()} == set(UNIVARIATES) - {"Bent", "SinhArcsinh"}


# Against their formulas


def parameters(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_sigmoid_scale_is_the_published_one():
    shift, raw, x = parameters(3, 50)
    # nflows: sigmoid(a + 2) + 1e-3, with ours shifted so that zero is the identity.
    univariate = SigmoidAffine(floor=1e-3, ceiling=1.001)
    y, log_det = univariate.forward_and_log_det(x, shift, raw + 2 - univariate.offset)
    scale = torch.sigmoid(raw + 2) + 1e-3
    torch.testing.assert_close(y, x * scale + shift, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(log_det, scale.log(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("direction", ["forward_and_log_det", "inverse_and_log_det"])
def test_spline_is_that_of_zuko(direction):
    import zuko

    widths, heights, derivatives = parameters(40, 8), parameters(40, 8) * 2, parameters(40, 7)
    theirs = zuko.transforms.MonotonicRQSTransform(widths, heights, derivatives, bound=3.0)
    theirs = theirs if direction.startswith("forward") else theirs.inv
    x = torch.linspace(-4, 4, 40, dtype=torch.float64)
    y, log_det = getattr(RationalQuadraticSpline(8, 3.0), direction)(x, widths, heights, derivatives)
    torch.testing.assert_close(y, theirs(x), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(log_det, theirs.log_abs_det_jacobian(x, theirs(x)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("constraint", ["clamp", "floor"])
def test_spline_is_the_identity_outside_and_meets_it_at_the_bound(constraint):
    spline = RationalQuadraticSpline(4, 2.0, constraint)
    raw = [3 * parameters(9, size) for size in spline.sizes.values()]
    x = torch.tensor([-50.0, -2.0, 2.0, 50.0, -2 - 1e-9, 2 + 1e-9, -2 + 1e-12, 2 - 1e-12, math.nan]).double()
    for run in (spline.forward_and_log_det, spline.inverse_and_log_det):
        y, log_det = run(x, *raw)
        torch.testing.assert_close(y, x, rtol=0, atol=1e-8, equal_nan=True)
        assert log_det[:6].eq(0).all()


@pytest.mark.parametrize("constraint", ["clamp", "floor"])
def test_spline_bins_stay_above_the_slope(constraint):
    spline = RationalQuadraticSpline(4, 1.0, constraint, slope=0.01)
    extreme = torch.tensor([80.0, -80.0, 80.0, -80.0]).double()
    widths, heights, derivatives = spline.constrained(extreme, -extreme, extreme[1:])
    for lengths in (widths, heights):
        torch.testing.assert_close(lengths.sum(), torch.tensor(2.0).double(), rtol=1e-12, atol=0)
        assert lengths.min() > 1e-3
    assert derivatives.min() >= 0.0099


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda: RationalQuadraticSpline(bins=1), "bins"),
        (lambda: RationalQuadraticSpline(bins=2.5), "bins"),
        (lambda: RationalQuadraticSpline(bound=0.0), "bound"),
        (lambda: RationalQuadraticSpline(bound=math.inf), "bound"),
        (lambda: RationalQuadraticSpline(constraint="none"), "constraint"),
        (lambda: RationalQuadraticSpline(slope=0.2), "slope"),
        (lambda: SigmoidAffine(floor=1.0), "floor"),
        (lambda: SigmoidAffine(shift_side="left"), "shift_side"),
        (lambda: SigmoidAffine(ceiling=1.0), "ceiling"),
        (lambda: Inverse("Nope"), "univariate"),
        (lambda: reference_flow(3, univariate={"name": "Affine", "width": 3}), "univariate"),
        (lambda: reference_flow(3, univariate={"bins": 3}), "univariate"),
    ],
)
def test_arguments_are_refused_by_name(make, argument):
    with pytest.raises(ArgumentError, match=f"^{argument}: "):
        make()


# One's own


@register
class Bent(nn.Module):
    """y = x + k x³ with an inverse that is none."""

    sizes: ClassVar[dict[str, int]] = {"bend": 1}

    def forward_and_log_det(self, x: Tensor, bend: Tensor) -> tuple[Tensor, Tensor]:
        return x + bend * x**3, (1 + 3 * bend * x**2).log()

    inverse_and_log_det = forward_and_log_det


@register
class SinhArcsinh(nn.Module):
    """A map of a user's own, as docs/flows.md shows one."""

    sizes: ClassVar[dict[str, int]] = {"skew": 1}

    def forward_and_log_det(self, x: Tensor, skew: Tensor) -> tuple[Tensor, Tensor]:
        y = (x.asinh() + skew.tanh()).sinh()
        return y, 0.5 * (y.square().log1p() - x.square().log1p())

    def inverse_and_log_det(self, y: Tensor, skew: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward_and_log_det(y, -skew)


@pytest.fixture(autouse=True, scope="module")
def registered_here():
    yield
    for name in ("Bent", "SinhArcsinh"):
        UNIVARIATES.pop(name, None)


def test_ones_own_map_is_one_line_to_test_and_builds_again():
    check_univariate(SinhArcsinh())
    flow = reference_flow(3, univariate=SinhArcsinh, hidden_features=(8,))
    again = build(architecture_of(flow))
    again.load_state_dict(flow.state_dict())
    x = torch.randn(5, 3)
    assert torch.equal(again().log_prob(x), flow().log_prob(x))


def test_a_wrong_map_is_caught():
    with pytest.raises(AssertionError, match="inverse"):
        check_univariate(Bent())


def test_a_map_that_is_not_registered_makes_no_checkpoint():
    class Hidden(Affine):
        pass

    with pytest.raises(ArgumentError, match="'Hidden' is not one of"):
        architecture_of(reference_flow(3, univariate=Hidden))


def test_a_name_is_taken_once():
    with pytest.raises(ArgumentError, match="Affine: is the name of another"):
        register(type("Affine", (Affine,), {}))
    with pytest.raises(ArgumentError, match="needs the method forward_and_log_det"):
        register(type("Empty", (nn.Module,), {}))
