"""Flows to lower, and what a torch flow and a program say of the same rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from flowexport.flows import Affine, CouplingFlow, Flow, RealNVP
from flowexport.flows import Inverse as InverseMap
from flowexport.lowering import Program, log_prob, sample
from tests.flows.cases import ALL, context, make, rows, standardised

Numbers = tuple[np.ndarray, np.ndarray]

COUPLING = {"layer": "Coupling", "hidden_features": [8], "activation": "SiLU"}
LAYERS: dict[str, list[dict[str, Any]]] = {
    "halves that take turns": [
        {**COUPLING, "mask": [True, False, True, False]},
        {"layer": "ActNorm"},
        {**COUPLING, "mask": [False, True, False, True], "univariate": "RationalQuadraticSpline"},
        {**COUPLING, "mask": [True, False, True, False], "univariate": "AffineSpline"},
        {"layer": "DiagonalNormal"},
    ],
    "a permutation first, a linear layer in the middle": [
        {"layer": "Permutation"},
        {**COUPLING, "mask": [True, True, False, True], "hidden_features": [8, 8], "residual": True},
        {"layer": "LULinear"},
        {**COUPLING, "mask": [False, True, False, False], "univariate": {"name": "SigmoidAffine", "floor": 0.1}},
        {"layer": "Permutation"},
    ],
    "two normalisations, and maps the other way round": [
        {"layer": "BatchNorm"},
        {"layer": "ActNorm"},
        {**COUPLING, "mask": [True, False, False, True], "univariate": {"name": "Inverse", "univariate": "Affine"}},
        {
            **COUPLING,
            "mask": [True, False, False, True],
            "univariate": {"name": "SigmoidAffine", "shift_side": "before"},
        },
        {
            **COUPLING,
            "mask": [False, True, True, False],
            "univariate": {"name": "Inverse", "univariate": {"name": "RationalQuadraticSpline", "constraint": "floor"}},
        },
        {"layer": "Scaling"},
    ],
    "no coupling": [{"layer": "LULinear"}, {"layer": "ActNorm"}, {"layer": "Permutation"}],
}
"""Layers in orders that a RealNVP does not have."""


class Sinh(nn.Module):
    """y = sinh(arsinh(x) + t), a map that nobody knows."""

    sizes: ClassVar[dict[str, int]] = {"place": 1}

    def forward_and_log_det(self, x: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        moved = x.asinh() + place
        return moved.sinh(), moved.cosh().log() - 0.5 * (1 + x * x).log()

    def inverse_and_log_det(self, y: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward_and_log_det(y, -place)


class Eased(Affine):
    """A child of a known map with a log scale of its own; what its parent says of the shift still holds."""

    def log_scale(self, raw: Tensor) -> Tensor:
        return 2 * torch.tanh(raw / 2)


def moved(flow: Flow) -> Flow:
    """A flow with weights and units as training leaves them."""
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return standardised(flow)


def default(**given: Any) -> Flow:
    """The flow of somebody who says nothing, its whitening set."""
    flow = moved(RealNVP(5, **{"transforms": 3, "hidden_features": (8,)} | given))
    assert flow.whiten is not None
    flow.whiten.fit(torch.linalg.cholesky(torch.eye(5) + 0.3))
    return flow


def alone(**given: Any) -> Flow:
    """A flow of a single feature without a context."""
    return moved(RealNVP(1, transforms=2, **given))


FLOWS: dict[str, Callable[[], Flow]] = {
    "defaults": default,
    "defaults, context, random masks": partial(default, context=2, categories=[0, 3], masks="random"),
    "a map of one's own": partial(default, univariate=Sinh()),
    "a map of one's own with a shift, random masks": partial(default, univariate=Eased(), masks="random"),
    "a map of one's own, inverted": partial(default, univariate=InverseMap(Sinh()), whiten=True, context=1),
    # Of networks that read nothing.
    **{f"one feature, {kind}": partial(alone, univariate=kind) for kind in ("Affine", "SigmoidAffine", "AffineSpline")},
    "one feature, a spline with a floor": partial(
        alone, univariate={"name": "RationalQuadraticSpline", "constraint": "floor"}, normalization="ActNorm"
    ),
    **{name: (lambda layers=layers: moved(CouplingFlow(4, 1, layers))) for name, layers in LAYERS.items()},  # type: ignore[misc]
}
EVERY = [*ALL, *FLOWS]
"""The battery of all flows, and those that it lacks."""


def flow_of(name: str, own: bool = True) -> Flow:
    """A flow in float64, with random means and scales of its features and context, or as the battery builds it."""
    if name in FLOWS:
        torch.manual_seed(0)
        return FLOWS[name]().double().eval()
    flow = make(name, seed=3)
    return standardised(flow) if own else flow


def inputs(flow: Flow, count: int = 50) -> tuple[Tensor, Tensor, Tensor | None]:
    """Rows, noise and context."""
    torch.manual_seed(1)
    x = rows(flow, count)
    return x, torch.randn(count, flow.latent_size, dtype=torch.float64), context(flow, count)


@torch.no_grad()
def of_flow(flow: Flow, x: Tensor, z: Tensor, c: Tensor | None) -> Numbers:
    return flow.log_prob(x, c).numpy(), flow.sample_from(z, c).numpy()


def of_program(program: Program, x: Tensor, z: Tensor, c: Tensor | None) -> Numbers:
    given = None if c is None else c.numpy()
    return log_prob(program, x.numpy(), given), sample(program, z.numpy(), given)


def assert_same(measured: Numbers, expected: Numbers, after: str = "", by: float = 1e-12) -> None:
    """By a share of the number itself, and for numbers that cancel to nearly 0, of the largest of them."""
    for one, other in zip(measured, expected, strict=True):
        largest = float(np.abs(other[np.isfinite(other)]).max())
        np.testing.assert_allclose(one, other, rtol=by, atol=by * largest, err_msg=after)
