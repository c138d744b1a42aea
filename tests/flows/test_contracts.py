"""Every map, conditioner and layer that the package has keeps the contract that is written for those of users."""

from __future__ import annotations

import pytest
import torch

from flowexport.errors import ArgumentError
from flowexport.flows import RealNVP
from flowexport.flows.contracts import Conditioner, Layer, UnivariateMap
from flowexport.flows.coupling import Coupling
from flowexport.flows.linear import LULinear
from flowexport.flows.univariate import UNIVARIATES, make_univariate

NEEDS = {"Inverse": {"name": "Inverse", "univariate": "Affine"}}


@pytest.mark.parametrize("name", sorted(UNIVARIATES))
def test_a_univariate_map_is_one(name: str) -> None:
    made = make_univariate(NEEDS.get(name, name))()
    assert isinstance(made, UnivariateMap)
    x = torch.linspace(-1, 1, 4)[:, None]
    parameters = [torch.zeros(4, 1) if size == 1 else torch.zeros(4, 1, size) for size in made.sizes.values()]
    y, log_det = made.forward_and_log_det(x, *parameters)
    back, _ = made.inverse_and_log_det(y, *parameters)
    torch.testing.assert_close(back, x)
    assert log_det is None or log_det.shape == x.shape


def test_a_conditioner_gives_what_its_map_asks_for() -> None:
    couplings = [module for module in RealNVP(3, transforms=2).modules() if isinstance(module, Coupling)]
    for coupling in couplings:
        assert isinstance(coupling.conditioner, Conditioner)
        kept = next(n for n in (1, 2) if accepts(coupling.conditioner, n))
        given = coupling.conditioner(torch.zeros(5, kept), None)
        sizes = coupling.univariate.sizes.values()
        assert [each.numel() for each in given] == [5 * (3 - kept) * size for size in sizes]


def accepts(conditioner: Conditioner, kept: int) -> bool:
    try:
        conditioner(torch.zeros(1, kept), None)
    except RuntimeError:
        return False
    return True


def test_a_layer_of_whole_vectors_is_one() -> None:
    layer = LULinear(3)
    assert isinstance(layer, Layer)
    assert not isinstance(torch.nn.Linear(3, 3), Layer)


@pytest.mark.parametrize("given", [torch.nn.Linear(3, 3), lambda: torch.nn.Linear(3, 3)], ids=["module", "maker"])
def test_what_is_no_univariate_map_is_refused_by_what_it_lacks(given: object) -> None:
    with pytest.raises(ArgumentError, match="Linear: a univariate bijection needs sizes, forward_and_log_det and"):
        RealNVP(3, univariate=given)
