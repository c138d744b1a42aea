"""What float32 may make of a flow: constants are moved by half a unit in the last place, activations by their own."""

from __future__ import annotations

import numpy as np
import pytest

from flowexport.lowering import lowered
from flowexport.lowering.activations import ACTIVATIONS, OF_RUNTIMES, SMOOTH, rounded
from flowexport.lowering.form import HALF_ULP, Vectors, moved
from flowexport.lowering.program import arrays_mapped
from tests.lowering.programs import flow_of


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_smooth_activation_is_moved_by_what_runtimes_are_off_and_no_other_is(name: str) -> None:
    x = np.linspace(-30, 30, 10_000)
    off = np.abs(rounded(name, x, np.random.default_rng(0)) - ACTIVATIONS[name](x)) / np.maximum(np.abs(x), 1)
    bound = OF_RUNTIMES if name in SMOOTH else 0.0
    assert off.max() <= bound * (1 + 1e-6)
    assert off.max() >= 0.99 * bound


def test_a_constant_is_moved_where_float32_does_not_hold_it() -> None:
    constants = np.concatenate([np.random.default_rng(0).normal(size=10_000), [0.5, 0.0, 1.0, np.inf]])
    off = np.abs(moved(constants, np.random.default_rng(0))[:-4] / constants[:-4] - 1)
    assert 0.99 * HALF_ULP < off.max() <= HALF_ULP * (1 + 1e-6)
    assert np.array_equal(moved(constants, np.random.default_rng(0))[-4:], constants[-4:])


def test_a_rounded_form_is_in_float32_all_through() -> None:
    form = lowered(flow_of("defaults"))
    found = form.rounded(np.random.default_rng(0))
    assert isinstance(found, Vectors)
    kinds: set[np.dtype[np.generic]] = set()

    def noted(array: np.ndarray) -> np.ndarray:
        if array.ndim:
            kinds.add(array.dtype)
        return array

    arrays_mapped(found.program, noted)
    assert kinds == {np.dtype("float32")}
    x = np.random.default_rng(1).normal(size=(20, 5)).astype(np.float32)
    assert found.log_prob(x, None).dtype == found.sample(x, None).dtype == np.float32
