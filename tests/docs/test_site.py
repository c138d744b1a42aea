"""The site: every page has its place in the navigation, and links lead there as they lead in the repository."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
OF_SITE = {"README.md": "index.md", "docs/a.md": "a.md", "docs/b.md": "b.md", "models/m/README.md": "zoo/m.md"}


@pytest.fixture(scope="module")
def site_pages() -> ModuleType:
    """docs/site_pages.py as a module."""
    spec = importlib.util.spec_from_file_location("site_pages", ROOT / "docs/site_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def navigation() -> list[str]:
    """The pages that mkdocs.yml names, in their order."""
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    return re.findall(r"(\S+\.md)$", text, re.MULTILINE)


def test_every_page_has_its_place(site_pages: ModuleType) -> None:
    pages = [path for path in site_pages.places().values() if path.endswith(".md")]
    pages += [f"api/{module}.md" for module in site_pages.API]
    assert sorted(navigation()) == sorted(pages), "mkdocs.yml: nav: name each page once"


def test_tutorials_come_before_design_notes() -> None:
    order = navigation()
    notes = [order.index(page) for page in ("lean.md", "blocks.md", "architecture.md", "reports.md")]
    assert max(map(order.index, ("concepts.md", "tutorial-train.md", "tutorial-adopt.md"))) < order.index("training.md")
    assert order.index("training.md") < min(notes)


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("docs/a.md", "[b](b.md#part)", "[b](b.md#part)"),
        ("docs/a.md", "[home](../README.md)", "[home](index.md)"),
        ("docs/a.md", "[m](../models/m)", "[m](zoo/m.md)"),
        ("README.md", "[a](docs/a.md)", "[a](a.md)"),
        ("models/m/README.md", "[a](../../docs/a.md#x)", "[a](../a.md#x)"),
        ("docs/a.md", "[web](https://example.org/b.md) [here](#part)", "[web](https://example.org/b.md) [here](#part)"),
        (
            "docs/a.md",
            "`[b](../README.md)`\n```\n[b](../README.md)\n```",
            "`[b](../README.md)`\n```\n[b](../README.md)\n```",
        ),
        ("README.md", '<img src="docs/a.md">', '<img src="a.md">'),
        # What leads nowhere is left, for the build to complain of.
        ("docs/a.md", "[gone](gone.md)", "[gone](gone.md)"),
    ],
)
def test_links_lead_to_the_page(site_pages: ModuleType, source: str, text: str, expected: str) -> None:
    assert site_pages.relinked(text, source, OF_SITE, "https://example.org/r") == expected


def test_a_file_that_is_no_page_is_in_the_repository_or_plain_words(site_pages: ModuleType) -> None:
    text = "[the loops](../tests/loops.py), [again](../tests/loops.py)"
    known = site_pages.relinked(text, "docs/a.md", OF_SITE, "https://example.org/r")
    assert known.startswith("[the loops](https://example.org/r/blob/main/tests/loops.py), [again](")
    assert site_pages.relinked(text, "docs/a.md", OF_SITE) == "the loops, again"


def test_the_reference_has_every_module_that_is_public(site_pages: ModuleType) -> None:
    page = (ROOT / "docs/versions.md").read_text(encoding="utf-8")
    for module in site_pages.API:
        assert importlib.import_module(module).__all__
        assert f"`{module}`" in page
