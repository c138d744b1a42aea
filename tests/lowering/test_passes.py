"""A pass moves work into the weights and changes no number, 1e-12 in float64; and what each pass leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from flowexport.lowering import Program, lean, lower
from flowexport.lowering.networks import first_dense
from flowexport.lowering.passes import PASSES, turns
from flowexport.lowering.passes.splines import spline_of
from flowexport.lowering.program import Coupling, Mix, Mixture, Reorder, ScaleShift, UnitSpline, arrays_mapped
from tests.flows.cases import CASES, make, standardised
from tests.lowering.programs import EVERY, assert_same, flow_of, inputs, of_program
from tests.reference_page import reference_flow


@pytest.mark.parametrize("own", [True, False], ids=["in units of its own", "as built"])
@pytest.mark.parametrize("name", EVERY)
def test_a_pass_changes_no_number(name: str, own: bool) -> None:
    flow = flow_of(name, own)
    given, program = inputs(flow), lower(flow)
    expected = of_program(program, *given)
    for each in PASSES:
        program = each(program)
        assert_same(of_program(program, *given), expected, each.__name__)


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("name", EVERY)
def test_a_pass_gives_another_program_and_leaves_its_own_alone(name: str) -> None:
    lean(arrays_mapped(lower(flow_of(name)), read_only))


@pytest.mark.parametrize("name", EVERY)
def test_the_lean_form_has_no_reordering_no_trained_spline_and_couplings_of_a_half_or_of_all(name: str) -> None:
    program = lean(lower(flow_of(name)))
    sets = turns(program)
    for layer in program.layers:
        assert not isinstance(layer, Reorder)
        if isinstance(layer, Coupling):
            assert spline_of(layer.map) is None
            moved = [np.array_equal(layer.moves, features) for features in sets].index(True)
            assert not len(layer.reads) or np.array_equal(layer.reads, sets[moved - 1])


# What a pass takes away

INVERSE = {"name": "Inverse", "univariate": "Affine"}


def leaned(**arguments: Any) -> Program:
    torch.manual_seed(0)
    flow = reference_flow(**{"features": 4, "hidden_features": (8,)} | arguments).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    flow.train().log_prob(torch.randn(200, flow.features, dtype=torch.float64))
    return lean(lower(standardised(flow.eval())))


def between(program: Program) -> list[object]:
    """The layers that are no couplings."""
    return [layer for layer in program.layers if not isinstance(layer, Coupling)]


@pytest.mark.parametrize("name", CASES)
def test_the_scale_of_the_data_goes_from_the_entrance_to_the_base(name: str) -> None:
    flow = flow_of(name)
    program = lean(lower(flow))
    if flow.features == 1 and not flow.context:
        return  # constants of every row, which are in the scale too
    (last,) = between(program)
    assert last is program.layers[-1]
    assert isinstance(last, ScaleShift)
    assert flow.standardize is not None
    np.testing.assert_allclose(last.scale, 1 / flow.standardize.scale.numpy(), rtol=1e-15)
    assert not last.shift.any()
    assert np.array_equal(program.mean, flow.standardize.mean.numpy())


@pytest.mark.parametrize("name", [name for name in CASES if make(name).context])
def test_the_scale_of_the_context_goes_into_weights_and_its_mean_stays(name: str) -> None:
    flow = flow_of(name)
    program = lean(lower(flow))
    assert flow.standardize_context is not None
    assert [column.scale for column in program.columns] == [1.0] * flow.context
    assert [column.mean for column in program.columns] == flow.standardize_context.mean.tolist()


@pytest.mark.parametrize("masks", ["alternating", "random"])
@pytest.mark.parametrize("normalization", ["ActNorm", "BatchNorm"])
@pytest.mark.parametrize("univariate", ["Affine", "Additive", "SigmoidAffine", INVERSE])
def test_normalisations_leave_a_scale_at_the_exit_and_nothing_else(
    univariate: Any, normalization: str, masks: str
) -> None:
    program = leaned(univariate=univariate, normalization=normalization, masks=masks, scaling=True)
    scale, *shift = between(program)
    assert isinstance(scale, ScaleShift)
    assert not scale.shift.any()
    # A map that takes its shift off before it scales leaves the last one at the exit.
    assert len(shift) == (isinstance(univariate, dict))
    assert program.layers[-1 - len(shift)] is scale


def test_permutations_leave_an_order_of_the_noise() -> None:
    for more in ({"normalization": "ActNorm"}, {"base": {"name": "GaussianMixture", "components": 2}}):
        program = leaned(mixing="Permutation", **more)
        assert sorted(program.noise_order) == [0, 1, 2, 3]
        assert list(program.noise_order) != [0, 1, 2, 3]
        assert len(between(program)) == (not isinstance(program.base, Mixture))


def test_linear_layers_take_in_the_scales_before_them() -> None:
    first, second, last = between(leaned(mixing="LULinear", normalization="ActNorm"))
    assert isinstance(first, Mix)
    assert isinstance(second, Mix)
    assert isinstance(last, ScaleShift)


def test_a_scale_stops_at_a_spline_and_nowhere_else() -> None:
    spline = {"name": "RationalQuadraticSpline", "bins": 4}
    program = leaned(univariate=spline, normalization="ActNorm", masks="random")
    # One product before each of three splines, which takes in the ActNorm of the one before, and one at the exit.
    scales = [layer for layer in between(program) if isinstance(layer, ScaleShift) and (layer.scale != 1).any()]
    assert len(scales) == 4


def test_between_splines_of_one_bound_there_is_no_scale_and_one_head() -> None:
    spline = {"name": "RationalQuadraticSpline", "bound": 3.3}
    program = leaned(features=5, transforms=6, univariate=spline)
    couplings = [layer for layer in program.layers if isinstance(layer, Coupling)]
    assert all(isinstance(each.map, UnitSpline) and list(each.network.heads) == ["bins"] for each in couplings)
    # One at the entrance of each half, and one at the exit.
    assert [type(layer) for layer in program.layers if not isinstance(layer, Coupling)] == [ScaleShift] * 3


def test_a_mixture_takes_in_the_last_scale() -> None:
    program = leaned(normalization="ActNorm", base={"name": "GaussianMixture", "components": 2})
    assert between(program) == []


def test_an_embedding_becomes_columns_of_the_first_matrix() -> None:
    program = lean(lower(reference_flow(17, context=2, categories=[5, 0], embeddings=[2, 0], masks="random")))
    table = program.columns[0].table
    assert table is not None
    assert np.array_equal(table, np.eye(5))
    networks = [layer.network for layer in program.layers if isinstance(layer, Coupling)]
    assert {first_dense(network).weight.shape[1] for network in networks} == {17 + 5 + 1}


def test_a_single_feature_of_no_context_is_one_scale_and_a_mean() -> None:
    (only,) = lean(lower(flow_of("one feature"))).layers
    assert isinstance(only, ScaleShift)
    assert not only.shift.any()


@pytest.mark.parametrize(
    ("features", "univariate", "parts"),
    [
        (16, "Affine", 1),
        (16, {"name": "Inverse", "univariate": "Additive"}, 1),
        (17, "Affine", 2),
        (4, "SigmoidAffine", 2),
        (4, "RationalQuadraticSpline", 2),
    ],
    ids=str,
)
def test_what_is_short_and_affine_stays_one_tensor(features: int, univariate: Any, parts: int) -> None:
    assert len(turns(leaned(features=features, univariate=univariate))) == parts
