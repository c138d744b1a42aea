"""The page at the root: its files, the loaded models as its zoo, and nothing beside them."""

import http.client
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flowexport.runtime import Model
from flowexport.serving.pages import Pages
from flowexport.serving.refusal import Refusal
from tests.serving.processes import Process


@pytest.fixture
def pages(tmp_path: Path, banana: Model) -> Pages:
    site = tmp_path / "site"
    (site / "zoo" / "other").mkdir(parents=True)
    (site / "index.html").write_text("page")
    (site / "module.mjs").write_text("code")
    (site / "zoo" / "other" / "flow.json").write_text("not served")
    (tmp_path / "secret").write_text("secret")
    (site / "link").symlink_to(tmp_path / "secret")
    registry: Any = SimpleNamespace(served={"m": SimpleNamespace(model=banana), "gone": SimpleNamespace(model=None)})
    return Pages(site, registry)


def test_files_of_the_page_and_of_loaded_bundles(pages: Pages, banana: Model) -> None:
    assert pages.read([]) == (b"page", b"text/html")
    assert pages.read(["module.mjs"]) == (b"code", b"text/javascript")
    assert pages.read(["zoo", "index.json"]) == (b'["m"]', b"application/json")
    manifest = banana.bundle.path / "flow.json"
    assert pages.read(["zoo", "m", "flow.json"]) == (manifest.read_bytes(), b"application/json")


@pytest.mark.parametrize(
    "parts", [["nothing"], ["zoo"], ["zoo", "m"], ["zoo", "other", "flow.json"], ["zoo", "gone", "flow.json"], ["a\0"]]
)
def test_what_is_not_there(pages: Pages, parts: list[str]) -> None:
    assert pages.read(parts) is None


@pytest.mark.parametrize("parts", [["..", "secret"], ["link"], ["zoo", "m", "..", "..", "zoo.md"]])
def test_what_leaves_the_folder(pages: Pages, parts: list[str]) -> None:
    with pytest.raises(Refusal):
        pages.read(parts)


def test_the_root_answers_with_or_without_a_page(server: Process) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.status == 200
    assert b"flowexport" in response.read()
