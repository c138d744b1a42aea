"""The battery that a univariate bijection has to pass, for whoever writes one: ``check_univariate(MyMap())``."""

from __future__ import annotations

__all__ = ["check_univariate"]

import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.testing import assert_close

from flowexport.flows import RealNVP
from flowexport.flows.contracts import UnivariateMap
from flowexport.flows.univariate import UNIVARIATES, described, make_univariate

FEATURES, ROWS = 3, 64
EXACT = 1e-9
"""How closely numbers in float64 have to agree, relative and absolute."""


def check_univariate(univariate: nn.Module, *, spread: float = 1.0, export: bool = True) -> None:
    """Holds a univariate bijection to what `flowexport.flows.univariate` promises of it, in float64.

    Arguments:
        univariate: the bijection.
        spread: standard deviation of the points and the raw parameters that it is tried on.
        export: whether to export a flow of it as well, and verify the bundle.

    Raises:
        AssertionError: naming the promise that is broken.
    """
    assert isinstance(univariate, UnivariateMap), "a univariate bijection needs sizes and its two directions"
    parameters = raw_parameters(univariate, spread)
    x = spread * torch.randn(ROWS, FEATURES, dtype=torch.float64, generator=generator(1))
    check_identity(univariate, x, parameters)
    check_inverse(univariate, x, parameters)
    check_log_det(univariate, x, parameters)
    check_gradients(univariate, x, parameters)
    if getattr(univariate, "shift_side", None) is not None:
        check_shift_side(univariate, x, parameters)
    registered = UNIVARIATES.get(type(univariate).__name__)
    if isinstance(registered, type) and type(univariate) is registered:
        again = make_univariate(described(univariate))()
        y, _ = univariate.forward_and_log_det(x, *parameters)
        close(again.forward_and_log_det(x, *parameters)[0], y, "built again by name, it is another map")
    if export:
        check_export(univariate)


def close(measured: Tensor, expected: Tensor, broken: str) -> None:
    """Holds numbers to others, and says which promise they break."""
    assert_close(measured, expected, rtol=EXACT, atol=EXACT, msg=lambda difference: f"{broken}: {difference}")


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def raw_parameters(univariate: UnivariateMap, spread: float) -> list[Tensor]:
    """Random parameters of the declared sizes."""
    sizes = list(univariate.sizes.values())
    assert sizes, "sizes: names no parameter"
    assert all(isinstance(size, int) and size > 0 for size in sizes), f"sizes: {univariate.sizes}: not whole numbers"
    source = generator(0)
    shapes = [(ROWS, FEATURES) if size == 1 else (ROWS, FEATURES, size) for size in sizes]
    return [spread * torch.randn(shape, dtype=torch.float64, generator=source) for shape in shapes]


def log_det_of(log_det: Tensor | None, like: Tensor) -> Tensor:
    """A log-determinant, unsummed; None is no change of volume."""
    return torch.zeros_like(like) if log_det is None else log_det.expand_as(like)


def check_identity(univariate: object, x: Tensor, parameters: list[Tensor]) -> None:
    zeros = [torch.zeros_like(parameter) for parameter in parameters]
    for direction in ("forward_and_log_det", "inverse_and_log_det"):
        y, log_det = getattr(univariate, direction)(x, *zeros)
        close(y, x, f"{direction}: zero parameters are not the identity")
        close(log_det_of(log_det, x), x * 0, f"{direction}: zero parameters")


def check_inverse(univariate: UnivariateMap, x: Tensor, parameters: list[Tensor]) -> None:
    y, log_det = univariate.forward_and_log_det(x, *parameters)
    back, minus = univariate.inverse_and_log_det(y, *parameters)
    close(back, x, "inverse does not undo forward")
    close(log_det_of(minus, x), -log_det_of(log_det, x), "the two log-determinants differ")


def check_log_det(univariate: object, x: Tensor, parameters: list[Tensor]) -> None:
    for direction in ("forward_and_log_det", "inverse_and_log_det"):
        at = x.clone().requires_grad_()
        y, log_det = getattr(univariate, direction)(at, *parameters)
        # Elementwise: the gradient of the sum holds each element's own derivative, if no other has a part in it.
        (slope,) = torch.autograd.grad(y.sum(), at, retain_graph=True)
        (first,) = torch.autograd.grad(y[0, 0], at)
        assert int((first != 0).sum()) == 1, f"{direction}: an element depends on another"
        assert bool((slope > 0).all()), f"{direction}: is not increasing"
        close(log_det_of(log_det, x).detach(), slope.log(), f"{direction}: the log-determinant is not that of autograd")


def check_gradients(univariate: UnivariateMap, x: Tensor, parameters: list[Tensor]) -> None:
    for direction in ("forward_and_log_det", "inverse_and_log_det"):
        learned = [parameter.clone().requires_grad_() for parameter in parameters]
        y, log_det = getattr(univariate, direction)(x, *learned)
        (y.square().sum() + log_det_of(log_det, x).sum()).backward()
        for name, parameter in zip(univariate.sizes, learned, strict=True):
            assert parameter.grad is not None, f"{direction}: no gradient reaches {name}"
            assert bool(parameter.grad.isfinite().all()), f"{direction}: the gradient of {name} is not finite"
            assert bool(parameter.grad.any()), f"{direction}: the gradient of {name} is zero"


def check_shift_side(univariate: UnivariateMap, x: Tensor, parameters: list[Tensor]) -> None:
    scale, named = 2.5, dict(zip(univariate.sizes, parameters, strict=True))
    scaled = [value * (scale if name == "shift" else 1) for name, value in named.items()]
    y, log_det = univariate.forward_and_log_det(x, *parameters)
    larger, same = univariate.forward_and_log_det(scale * x, *scaled)
    close(larger, scale * y, "shift_side: scales do not pass through")
    close(log_det_of(same, x), log_det_of(log_det, x), "shift_side")
    moved = [value + (0.75 if name == "shift" else 0) for name, value in named.items()]
    if getattr(univariate, "shift_side", None) == "after":
        expected, found = y + 0.75, univariate.forward_and_log_det(x, *moved)[0]
    else:
        expected, found = y, univariate.forward_and_log_det(x + 0.75, *moved)[0]
    close(found, expected, "shift_side: is the other")


def check_export(univariate: nn.Module) -> None:
    """Exports a flow of it in both directions; the gate of export is the check."""
    from flowexport.export.export import export

    with torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        flow = RealNVP(FEATURES, transforms=2, hidden_features=(8,), univariate=univariate)
        with torch.no_grad():
            for parameter in flow.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        export(flow.eval(), Path(folder) / "univariate")
