"""The least that a proof holds: for each rule a bundle that breaks it alone, with its hashes right, and is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flowexport
from flowexport.bundle import open_bundle
from flowexport.proof import references_of
from flowexport.proof.checks import Check
from flowexport.proof.substance import substance_checks
from tests.planting import Planted


def checks_of(path: Path) -> list[Check]:
    """What the proof of a bundle lacks."""
    bundle = open_bundle(path)
    return substance_checks(bundle, flowexport.load(path, device="cpu"), references_of(bundle))


def manifest(edit: Callable[[dict[str, Any]], object]) -> Callable[[Planted], object]:
    return lambda planted: planted.edit_manifest(edit)


def array(name: str, edit: Callable[[np.ndarray], np.ndarray]) -> Callable[[Planted], object]:
    """Another golden array."""

    def change(planted: Planted) -> None:
        planted.write_array(name, edit(np.load(planted.path / f"golden/{name}.npy")))

    return change


def without(*names: str) -> Callable[[Planted], object]:
    """Golden cases that are not there."""

    def drop(document: dict[str, Any]) -> None:
        document["golden"]["cases"] = [case for case in document["golden"]["cases"] if case["name"] not in names]

    return manifest(drop)


def set_key(*path: str | int, to: object) -> Callable[[Planted], object]:
    def put(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = to

    return manifest(put)


def repeated(rows: np.ndarray) -> np.ndarray:
    """As many rows, all of them the first."""
    return np.repeat(rows[:1], len(rows), axis=0)


def inside(rows: np.ndarray) -> np.ndarray:
    """Rows of the edges, none of which is beyond what float32 calls on the bound of the first feature."""
    moved = rows.copy()
    moved[:, 0] = np.abs(moved[:, 0]) + 1
    return moved


RULES: dict[str, tuple[Callable[[Planted], object], str]] = {
    "no single row of log_prob": (without("data_1"), "batches of log_prob"),
    "no two rows of samples": (without("noise_2"), "batches of sample"),
    "no seven rows": (without("data_7", "noise_7"), "batches of sample"),
    "no thousand rows of log_prob": (without("data_1000"), "batches of log_prob"),
    "expected numbers in float32": (array("log_prob", np.float32), "data_1"),
    "inputs in float64": (array("x", np.float64), "data_1"),
    "noise of one row": (array("z", repeated), "rows of noise"),
    "tails of one row": (array("tail_x", repeated), "rows of tails"),
    "no tails": (without("tails_64"), "rows of tails"),
    "golden noise of one seed": (manifest(lambda d: d["golden"]["noise"].pop()), "golden noise"),
    "golden noise of one seed twice": (set_key("golden", "noise", 1, "seed", to="0"), "golden noise"),
    "nothing refused of another width": (without("wrong_width"), "refusals"),
    "nothing refused without context": (without("missing_context"), "refusals"),
    "no edges": (without("edges_12"), "support"),
    "no row outside of one bound": (array("edge_x", inside), "support"),
    "no samples at the bounds": (without("edge_noise_26"), "support"),
    "no row of the last category": (
        array("context", lambda rows: np.where(rows == rows.max(axis=0), 0, rows).astype(np.float32)),
        "codes of cut",
    ),
    "a selector that the latent has no column for": (set_key("selector", to=True), "selector"),
    "levels that the architecture knows nothing of": (set_key("levels", to=256), "architecture"),
    "an architecture of more features": (set_key("architecture", "arguments", "features", to=5), "architecture"),
    "an architecture without context": (set_key("architecture", "arguments", "context", to=0), "architecture"),
    "an architecture of images": (set_key("architecture", "arguments", "shape", to=[2, 2]), "architecture"),
    "hidden layers of another width": (
        set_key("architecture", "arguments", "hidden_features", to=[48, 47]),
        "architecture",
    ),
    "hidden layers that are not said": (
        manifest(lambda d: d["architecture"]["arguments"].pop("hidden_features")),
        "architecture",
    ),
    "more transforms than the graph has": (
        set_key("architecture", "arguments", "transforms", to=40),
        "architecture",
    ),
    "no transforms": (set_key("architecture", "arguments", "transforms", to=0), "architecture"),
    "a scale beyond all samples": (manifest(lambda d: d["scale"].__setitem__(1, 1e300)), "scale"),
    "quantiles of another model": (
        manifest(
            lambda d: d["reference"].update(
                log_prob_quantiles=[each - 5 for each in d["reference"]["log_prob_quantiles"]]
            )
        ),
        "reference",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_proof_that_lacks_something_is_refused_by_name(tmp_path: Path, rule: str) -> None:
    plant, subject = RULES[rule]
    planted = Planted(open_bundle("diamonds").path, tmp_path / "diamonds")
    plant(planted)
    checks = checks_of(planted.path)
    assert {check.status for check in checks} == {"failed"}
    assert subject in [check.subject for check in checks], checks
    assert all(check.detail for check in checks)


@pytest.mark.parametrize("name", ["diamonds", "digits", "banana", "mixture"])
def test_the_zoo_has_substance(name: str) -> None:
    assert [check.status for check in checks_of(open_bundle(name).path)] == ["passed"]


def test_of_images_a_row_outside_is_needed_as_well(tmp_path: Path) -> None:
    planted = Planted(open_bundle("digits").path, tmp_path / "digits")
    edges = [case.name for case in open_bundle("digits").manifest.golden.cases if case.name.startswith("edges")]
    without(*edges)(planted)
    assert "support" in [check.subject for check in checks_of(planted.path)]


def test_log_prob_of_few_samples_is_no_proof_of_the_direction(tmp_path: Path) -> None:
    planted = Planted(open_bundle("banana").path, tmp_path / "banana")
    for name in ("log_prob_of_sample", "log_prob_of_sample_rounding"):
        array(name, lambda rows: rows[:256])(planted)
    assert "log_prob of sample" in [check.subject for check in checks_of(planted.path)]
