"""Numbers that are finite and enormous: ±3.4e38 is a common "no data", and 1e300 is more than float32 holds."""

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import flowexport
from flowexport.bundle import zoo_names
from flowexport.errors import ArgumentError
from flowexport.runtime.blocks import BLOCK_ROWS
from tests.conftest import Exported

SCORE = [sys.executable, "-m", "flowexport", "score", "--device", "cpu", "banana"]
ENORMOUS = [float(np.float32(3.4e38)), -float(np.float32(3.4e38)), 1e300, -1e300, 1e30, -1e30, np.inf, -np.inf, 2**63]


@pytest.fixture(autouse=True)
def _no_warning_on_the_way(plain: Exported, conditional: Exported) -> Iterator[None]:
    """But from torch, while it exports."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("name", zoo_names())
def test_an_enormous_number_is_the_least_likely_and_no_nan(name: str) -> None:
    """A logarithm has still a number for 3.4e38, far in the tail; elsewhere it is −inf."""
    model = flowexport.load(name, device="cpu")
    x = np.resize(model.bundle.array("golden/x.npy"), (3, *model.event_shape)).astype(np.float64)
    context = (
        np.resize(model.bundle.array("golden/context.npy"), (3, model.context_size)) if model.context_size else None
    )
    expected = model.log_prob(x, context)
    for value in ENORMOUS:
        x[-1, ..., 0] = value
        found = model.log_prob(x, context)
        np.testing.assert_allclose(found[:-1], expected[:-1], rtol=1e-5, atol=1e-5)
        assert found[-1] < -1000, value
        assert model.percentile(found)[-1] == 0
        alone = model.log_prob(x[-1:], None if context is None else context[-1:])
        np.testing.assert_allclose(alone, found[-1:], rtol=1e-5)
        if abs(value) < 3.4e38 or np.isinf(value):
            np.testing.assert_array_equal(model.log_prob(x.astype(np.float32), context)[-1], found[-1])


def test_what_overflows_is_the_least_likely_in_every_block(plain: Exported) -> None:
    model = flowexport.load(plain.path, device="cpu", threads=2)
    x = np.zeros((3 * BLOCK_ROWS + 9, 2))
    expected = model.log_prob(x)
    where = np.arange(0, len(x), 100)
    x[where, 1] = np.resize(ENORMOUS, len(where))
    found = model.log_prob(x)
    assert (found[where] < -1e30).all()
    np.testing.assert_array_equal(np.delete(found, where), np.delete(expected, where))


def test_an_enormous_context_is_no_nan(conditional: Exported) -> None:
    model = flowexport.load(conditional.path, device="cpu")
    for value in ENORMOUS:
        found = model.log_prob(conditional.x[:3], [[0.0, value], [0.0, 0.0], [np.nan, value]])
        assert found[0] == -np.inf
        assert np.isfinite(found[1])
        assert np.isnan(found[2])  # a row that holds a NaN keeps it


@pytest.mark.parametrize("temperature", [1e300, 1e38, 1.1e6, 2**40])
def test_an_enormous_temperature_is_refused(plain: Exported, temperature: float) -> None:
    model = flowexport.load(plain.path, device="cpu")
    with pytest.raises(ArgumentError, match=r"^temperature: expected a number from 0 to 1e\+06, got"):
        model.sample(3, temperature=temperature)
    assert np.isfinite(model.sample(1000, seed=0, temperature=1e6)).all()


def test_a_table_is_refused_by_row_and_column_where_its_numbers_are_beyond_float32(tmp_path: Path) -> None:
    """And scored where they are not: what is no data has percentile 0, so that an alarm sees it."""
    rows = tmp_path / "rows.csv"
    rows.write_text("x1,x2\n0,0\n-3.4e38,0\n")
    scored = subprocess.run([*SCORE, rows], capture_output=True, text=True, check=True)
    assert scored.stdout.splitlines()[-1] == "-inf,0"
    assert scored.stderr.startswith("flowexport: less likely than all 5,000 reference rows: 1; ")
    assert len(scored.stderr.splitlines()) == 1
    rows.write_text("x1,x2\n0,0\n0,-1e300\n")
    refused = subprocess.run([*SCORE, rows], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "row 2, column 'x2' holds -1e+300, more than float32 can hold" in refused.stderr
