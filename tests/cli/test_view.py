"""``flowexport view``: the page and a bundle, to this machine alone, until it is interrupted."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from flowexport import page
from flowexport.cli import view
from flowexport.cli.main import main
from flowexport.page import page_server


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page that stands in for the assembled one."""
    folder = tmp_path / "site"
    (folder / "fonts").mkdir(parents=True)
    (folder / "index.html").write_text("the page")
    (folder / "runtime.wasm").write_bytes(b"\0asm")
    monkeypatch.setattr(page, "page_folder", lambda: folder)
    return folder


@pytest.fixture
def port(site: Path, tmp_path: Path) -> Iterator[int]:
    """Of a server that has the page, a bundle, and a secret beside them."""
    bundle = tmp_path / "mine"
    bundle.mkdir()
    (bundle / "flow.json").write_text("{}")
    (tmp_path / "secret").write_text("secret")
    (bundle / "link").symlink_to(tmp_path / "secret")
    with page_server(site, {"bundle": bundle, "zoo/banana": bundle}) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def get(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read(), answer.headers
    connection.close()
    return found


def test_the_page_and_the_bundles_are_served(port: int) -> None:
    for path, text in {"/": b"the page", "/bundle/flow.json": b"{}", "/zoo/banana/flow.json?x#y": b"{}"}.items():
        status, body, headers = get(port, path)
        assert (status, body) == (200, text)
        # Without these the page has one thread.
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert get(port, "/runtime.wasm")[2]["Content-Type"] == "application/wasm"


@pytest.mark.thorough
@pytest.mark.parametrize(
    "path",
    [
        "/../secret",
        "/bundle/../secret",
        "/bundle/%2e%2e/secret",
        "/bundle/link",
        "/bundle/..%2fsecret",
        "/%00",
        "/bundle/",
    ],
)
def test_nothing_else_is_served(port: int, path: str) -> None:
    status, body, _ = get(port, path)
    assert status in (403, 404)
    assert b"secret" not in body.replace(b"/secret", b"")


def test_a_folder_is_not_listed(port: int) -> None:
    assert get(port, "/fonts/")[0] == 404


@pytest.mark.thorough
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "", "[::1]:80"])
def test_a_name_from_elsewhere_that_leads_here_is_refused(port: int, host: str) -> None:
    """A page of another site could else read a bundle by the browser of whoever looks at it (DNS rebinding)."""
    status, body, _ = get(port, "/bundle/flow.json", host)
    assert (status, b"{}" in body) == (421, False)
    assert get(port, "/bundle/flow.json", "localhost:9000")[0] == 200


@pytest.mark.usefixtures("site")
def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = CliRunner().invoke(main, ["view", "banana", "--no-open", "--port", str(taken.getsockname()[1])])
    assert result.exit_code == 2
    assert result.stderr.startswith("flowexport: --port: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.usefixtures("site")
def test_what_is_no_bundle_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["view", str(tmp_path), "--no-open"])
    assert result.exit_code == 2
    assert "is this a bundle?" in result.stderr


def test_an_installation_without_the_page_says_how_to_make_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "page_folder", lambda: None)
    result = CliRunner().invoke(main, ["view", "banana"])
    assert result.exit_code == 2
    assert "prepare.sh makes it" in result.stderr


@pytest.mark.usefixtures("site")
def test_only_a_bundle_can_be_compiled() -> None:
    result = CliRunner().invoke(main, ["view", "--compile"])
    assert (result.exit_code, result.stderr) == (2, "flowexport: --compile: needs a BUNDLE\n")


@pytest.mark.usefixtures("site")
def test_a_bundle_that_cannot_be_compiled_is_one_line() -> None:
    """Images cannot, with a compiler or without one."""
    result = CliRunner().invoke(main, ["view", "digits", "--compile"])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("screen", [True, False])
def test_a_browser_is_opened_where_there_is_a_screen(
    screen: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    if screen:
        monkeypatch.setenv("DISPLAY", ":0")
    view.open_browser("http://127.0.0.1:1/")
    assert opened == (["http://127.0.0.1:1/"] if screen else [])
    assert ("open the address yourself" in capsys.readouterr().err) is not screen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_interrupted(site: Path, number: signal.Signals) -> None:
    code = (
        "import sys, pathlib, flowexport.page as page; site = pathlib.Path(sys.argv.pop(1)); "
        "page.page_folder = lambda: site; "
        "from flowexport.cli.main import main; main()"
    )
    command = [sys.executable, "-c", code, str(site), "view", "banana", "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        begin, _, asked = address.partition("/?")
        assert asked == "bundle=bundle"
        port = int(begin.rpartition(":")[2])
        assert json.loads(get(port, "/bundle/flow.json")[1])["name"] == "banana"
        assert json.loads(get(port, "/zoo/moons/flow.json")[1])["name"] == "moons"
        os.kill(process.pid, number)
    assert process.returncode == 0
