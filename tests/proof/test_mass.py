"""The mass of a wrong density is told at once: grids are made finer for what may converge, and for nothing else."""

from pathlib import Path

import numpy as np
import pytest

import flowexport
from flowexport.bundle import open_bundle
from flowexport.proof import gate
from flowexport.proof.mass import mass_checks
from tests.planting import Planted


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_density_that_is_no_number_is_told_by_the_first_grid(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    model = flowexport.load("banana", device="cpu")
    rows = []

    def log_prob(x: np.ndarray, context: object) -> np.ndarray:
        rows.append(len(x))
        return np.full(len(x), value, np.float32)

    monkeypatch.setattr(model, "log_prob", log_prob)
    (check,) = mass_checks(model, None)
    assert check.status == "failed"
    assert "is no number" in check.detail
    assert sum(rows) == 128**2


def test_two_grids_that_agree_on_too_little_are_not_believed_before_a_third(monkeypatch: pytest.MonkeyPatch) -> None:
    """Midpoint sums of a right density, of which the first two grids see too little: what lies between their cells."""
    model = flowexport.load("banana", device="cpu")
    right, missed = model.log_prob, [128**2, 256**2]
    rows = []

    def log_prob(x: np.ndarray, context: object) -> np.ndarray:
        rows.append(len(x))
        seen = sum(rows)
        # A grid comes in slabs; the first grids are those of so many rows in all.
        unseen = seen <= sum(missed)
        return right(x) + np.float32(np.log(0.99) if unseen else 0)

    monkeypatch.setattr(model, "log_prob", log_prob)
    (check,) = mass_checks(model, None)
    assert check.status == "passed"
    assert sum(rows) == 128**2 + 256**2 + 512**2 + 1024**2

    # A constant that is wrong on every grid is told by the third.
    rows.clear()
    monkeypatch.setattr(model, "log_prob", lambda x, _: (rows.append(len(x)), right(x) + np.float32(0.01))[1])
    (check,) = mass_checks(model, None)
    assert check.status == "failed"
    assert check.figure == pytest.approx(np.expm1(0.01), abs=1e-3)
    assert sum(rows) == 128**2 + 256**2 + 512**2


@pytest.mark.parametrize("name", ["banana", "moons"])
def test_a_graph_that_failed_before_is_not_integrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(gate, "mass_checks", lambda *_: pytest.fail("integrated all the same"))
    planted = Planted(open_bundle(name).path, tmp_path / name)
    planted.write_array("log_prob", np.load(planted.path / "golden/log_prob.npy") + 1)
    report = flowexport.verify(planted.path)
    assert not report.passed
    (mass,) = [check for check in report.checks if check.name == "mass"]
    assert mass.status == "not run"
