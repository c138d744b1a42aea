"""Halves that training chooses: features that depend on each other are apart."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import flowexport
from flowexport.errors import CheckpointError
from flowexport.flows.defaults import REFERENCE_PAGE
from flowexport.training import train_recipe
from flowexport.training.halves import dependence, halves

from .test_run import Stop, assert_same_run


def rows_of_ring(seed: int = 0, rows: int = 400) -> np.ndarray:
    """A ring in the first and the third of four columns, uncorrelated, and two that nothing depends on."""
    random = np.random.default_rng(seed)
    angle = random.uniform(0, 2 * np.pi, rows)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.1 * random.normal(size=(rows, 2))
    return np.stack([ring[:, 0], random.normal(size=rows), ring[:, 1], random.exponential(size=rows)], axis=1)


def test_dependence_without_correlation_is_seen_and_chance_is_not() -> None:
    found = dependence(rows_of_ring())
    assert found[0, 2] == pytest.approx(found[2, 0])
    assert found[0, 2] > 0.3
    found[0, 2] = found[2, 0] = 0
    assert not found.any()


def test_columns_of_few_values_in_the_same_order_are_independent() -> None:
    # Ties that are broken by the order of rows would make these the same column.
    column = np.repeat([0.0, 1.0], 200)
    other = np.tile([0.0, 1.0], 200)
    assert not dependence(np.stack([column, other], axis=1)).any()
    assert dependence(np.stack([column, column], axis=1))[0, 1] > 0.9


@pytest.mark.parametrize("seed", range(5))
def test_the_cut_is_as_large_as_any_of_six_features(seed: int) -> None:
    ties = np.random.default_rng(seed).exponential(size=(6, 6))
    ties = np.triu(ties, 1) + np.triu(ties, 1).T

    def cut(mask: np.ndarray) -> float:
        return float(ties[np.ix_(mask, ~mask)].sum())

    start = np.arange(6) % 2 == 0
    best = max(cut(np.isin(np.arange(6), kept)) for kept in itertools.combinations(range(6), 3))
    chosen = halves(ties, start)
    assert chosen.sum() == 3
    assert cut(chosen) >= cut(start)
    # Exchanges of two features end in a local optimum: 0.9 of the best at the least in a thousand such tables.
    assert cut(chosen) > 0.9 * best


def test_nothing_that_depends_leaves_the_halves_alternating() -> None:
    start = np.arange(5) % 2 == 0
    assert np.array_equal(halves(np.zeros((5, 5)), start), start)


@pytest.mark.thorough
def test_a_flow_takes_the_ring_apart_and_a_checkpoint_of_it_does_too(tmp_path: Path) -> None:
    rows = rows_of_ring()
    torch.manual_seed(0)
    flow = flowexport.RealNVP(4)
    assert flow.arguments["masks"] == "dependent"
    flowexport.fit(flow, rows, epochs=12, progress=False)
    masks = np.array(flow.arguments["masks"])
    assert masks.shape == (4, 4)
    assert (masks[0] != masks[1]).all()
    assert masks[0, 0] != masks[0, 2]
    again = flowexport.RealNVP(**flow.arguments)
    again.load_state_dict(flow.state_dict())
    x = torch.from_numpy(rows[:50]).float()
    assert torch.equal(again.eval().log_prob(x), flow.log_prob(x))
    # The plane of the ring is learned, which halves that keep it together do not.
    torch.manual_seed(0)
    together = flowexport.RealNVP(4, masks="alternating")
    flowexport.fit(together, rows, epochs=12, progress=False)
    fresh = torch.from_numpy(rows_of_ring(1)).float()
    with torch.no_grad():
        assert flow.log_prob(fresh).mean() > together.log_prob(fresh).mean() + 0.2


@pytest.mark.thorough
def test_a_run_that_is_resumed_has_the_halves_that_it_began_with(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "rows.csv", rows_of_ring(), delimiter=",", header="a,b,c,d", comments="")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('name = "ring"\n[data]\nfile = "rows.csv"\n[training]\nepochs = 3\n')
    train_recipe(recipe, tmp_path / "whole")
    train_recipe(recipe, tmp_path / "run", on_epoch=Stop(1))
    left = json.loads((tmp_path / "run" / "resume.json").read_text())
    assert left["half"][0] != left["half"][2]
    train_recipe(recipe, tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", tmp_path / "whole")
    left = json.loads((tmp_path / "run" / "resume.json").read_text())
    for half in (None, [True, True, True, False], [True, False]):
        (tmp_path / "run" / "resume.json").write_text(json.dumps({**left, "half": half}))
        with pytest.raises(CheckpointError, match=r"resume\.json: half: masks: the halves are not those of this flow"):
            train_recipe(recipe, tmp_path / "run", resume=True)


def test_a_flow_that_is_trained_on_keeps_its_halves() -> None:
    flow = flowexport.RealNVP(4)
    flowexport.fit(flow, rows_of_ring(), epochs=1, progress=False)
    masks = flow.arguments["masks"]
    flowexport.fit(flow, rows_of_ring()[:, [0, 2, 1, 3]], epochs=1, progress=False)
    assert flow.arguments["masks"] == masks


def test_masks_that_are_given_are_kept() -> None:
    for masks in ("alternating", "halves"):
        flow = flowexport.RealNVP(4, masks=masks)
        flowexport.fit(flow, rows_of_ring(), epochs=1, progress=False)
        assert flow.arguments["masks"] == masks
    assert REFERENCE_PAGE["masks"] == "alternating"
