"""The page of flows: its table has every option, its figures are within the bounds; drawn pictures are small."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from flowexport.flows.realnvp import MIXINGS, NORMALIZATIONS
from flowexport.flows.univariate import UNIVARIATES
from flowexport.proof.bounds import DIRECTION_ATOL, LOG_PROB_ATOL, SAMPLE_ATOL

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "flows.md").read_text(encoding="utf-8")
PICTURES = sorted([*DOCS.glob("flows-*.png"), *DOCS.glob("interop-*.png")])

PICTURE_BYTES = 200 << 10

LARGEST_LOG_PROB = 20.0
"""Nats that a row of four features may have here: the relative part of a bound is of it."""


@pytest.fixture
def flow_table() -> ModuleType:
    """docs/flow_table.py as a module."""
    spec = importlib.util.spec_from_file_location("flow_table", DOCS / "flow_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_has_every_option(flow_table: ModuleType) -> None:
    options = " ".join(map(str, flow_table.OPTIONS.values()))
    own = [name for name, kind in UNIVARIATES.items() if kind.__module__.startswith("flowexport.")]
    masks = ("'halves'", "'random'", "[[True")
    bases = ("DiagonalNormal", "GaussianMixture", "ConditionalNormal")
    others = ("scaling", "residual", "layer_norm", "dropout", "categories", "embeddings", "bounds")
    images = ("(1, 8, 8)", "(3, 8, 8)", "scales", "batch_norm")
    wanted = [*own, *NORMALIZATIONS, *MIXINGS, *masks, *bases, *others, *images]
    assert [each for each in wanted if each not in options] == []


def test_the_figures_are_within_the_bounds() -> None:
    table = PAGE.partition("<!-- options: generated -->")[2].partition("<!-- end -->")[0]
    rows = re.findall(r"\| (\S+e-\d+) \| (\S+e-\d+) \| (\S+e-\d+) \| \d+ \+ \d+ \|$", table, re.MULTILINE)
    assert len(rows) == table.count("\n") - 3
    for log_prob, sample, direction in rows:
        assert float(log_prob) <= LOG_PROB_ATOL + 1e-5 * LARGEST_LOG_PROB
        assert float(sample) <= 2 * SAMPLE_ATOL
        assert float(direction) <= DIRECTION_ATOL + 1e-3 * LARGEST_LOG_PROB


def test_an_option_that_the_page_lacks_is_noticed_and_not_measured(
    flow_table: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(arguments: object) -> list[str]:
        raise AssertionError(f"{arguments}: measured")

    monkeypatch.setattr(flow_table, "measured", never)
    assert flow_table.with_table(PAGE, "none") == PAGE
    flow_table.OPTIONS["a new one"] = {"transforms": 7}
    assert flow_table.with_table(PAGE, "none") != PAGE
    monkeypatch.setattr(flow_table, "measured", lambda arguments: ["1e-06", "2e-06", "3e-06", f"{len(arguments)} + 2"])
    page = flow_table.with_table(PAGE, "new")
    assert "| a new one | `transforms=7` | 1e-06 | 2e-06 | 3e-06 | 1 + 2 |" in page
    assert flow_table.with_table(page, "none") == page
    del flow_table.OPTIONS["a new one"]
    assert flow_table.with_table(page, "none") == PAGE


@pytest.mark.parametrize("text", ["# Flows\n", "# Flows\n<!-- options: generated -->\nthe rest\n"])
def test_a_page_without_both_markers_is_left_alone(text: str, flow_table: ModuleType) -> None:
    assert flow_table.with_table(text) == text


@pytest.mark.parametrize("path", PICTURES, ids=[path.stem for path in PICTURES])
def test_a_picture_is_small_shown_and_says_neither_date_nor_software(path: Path) -> None:
    data = path.read_bytes()
    assert len(data) <= PICTURE_BYTES
    assert not any(kind in data for kind in (b"tEXt", b"iTXt", b"zTXt", b"tIME"))
    page = DOCS / f"{path.name.partition('-')[0]}.md"
    assert f"]({path.name})" in page.read_text(encoding="utf-8")
