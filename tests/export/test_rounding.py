"""What float32 costs a golden number: an estimate that holds, and a share of the bound that has a cap."""

import numpy as np

import flowexport
from flowexport.proof.bounds import COMMON_SHARE, ROUNDING_MULTIPLE, ROUNDING_SHARE, allowance, cost_of_most, held
from flowexport.proof.checks import compare
from tests.conftest import Exported


def test_the_graph_rounds_by_what_was_estimated(plain: Exported) -> None:
    """Beside it the last digit of log_prob itself, which rtol covers."""
    golden = {name: np.load(plain.path / f"golden/{name}.npy") for name in ("x", "log_prob", "log_prob_rounding")}
    found = flowexport.load(plain.path).log_prob(golden["x"])
    last_digit = 2.0**-23 * (1 + np.abs(golden["log_prob"]))
    allowed = ROUNDING_MULTIPLE * golden["log_prob_rounding"].astype(np.float64) + last_digit
    assert (np.abs(found - golden["log_prob"]) <= allowed).all()
    # And it is no more than a few hundred of these digits: a fault of 1e-3 is far off.
    assert (golden["log_prob_rounding"] <= 1000 * last_digit).all()
    assert (golden["log_prob_rounding"] > 0).mean() > 0.99


def test_a_number_gets_a_multiple_of_its_rounding_and_no_more_than_a_share_of_itself() -> None:
    expected = np.array([0.0, -1e6, -1e6, -np.inf])
    found = allowance(np.array([1e-6, 1.0, np.inf, np.inf]), expected, 1.0)
    cap = ROUNDING_SHARE * (1 + 1e6)
    np.testing.assert_allclose(found, [ROUNDING_MULTIPLE * 1e-6, ROUNDING_MULTIPLE, cap, ROUNDING_SHARE], rtol=1e-12)
    assert held(np.array([1.0, np.inf]), np.array([-1e6, -1e6])).tolist() == [True, False]


def test_no_rounding_makes_a_missing_number_right() -> None:
    """A graph that gives no number, or an infinite one, is refused whatever its rounding is said to be."""
    expected = np.full(3, -5.0)
    bound = 1e-4 + allowance(np.full(3, np.inf), expected, 1.0)
    for wrong in (np.nan, np.inf, -np.inf):
        check = compare("parity", "log_prob", np.array([-5.0, wrong, -5.0]), expected, bound, "nats")
        assert (check.status, check.row) == ("failed", 1)


def test_one_row_in_ten_may_be_steep_and_not_two() -> None:
    rounding, size = np.zeros(100), np.ones(100)
    rounding[:9] = np.inf
    assert cost_of_most(rounding, size) <= COMMON_SHARE
    rounding[:20] = 1.0
    assert cost_of_most(rounding, size) > COMMON_SHARE
