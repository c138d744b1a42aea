"""``flowexport view``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import examples

if TYPE_CHECKING:
    from flowexport.bundle import Bundle


@click.command("view", epilog=examples("view banana", "view bundle --compile", "view bundle --no-open --port 8765"))
@click.argument("bundle", required=False)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of this machine.  [default: one that is free]")
@click.option("--no-open", is_flag=True, help="Only print the address; open no browser.")
@click.option("--compile", "compiles", is_flag=True, help="The BUNDLE to WebAssembly first, by clang and lld.")
def command(bundle: str | None, port: int, no_open: bool, compiles: bool) -> None:
    """Look at a BUNDLE (a folder, or the name of a zoo model) in a browser; without one, at the zoo.

    The page shows the density, draws samples, reads a point, scores a table, and replays the bundle's proof. Everything
    is computed in the page, which is served to this machine alone, until Ctrl-C. A bundle that is compiled first is
    there at once, without ONNX Runtime; the page holds it to its golden cases.
    """
    import tempfile
    from contextlib import suppress
    from pathlib import Path

    from flowexport.bundle import open_bundle, zoo_folder, zoo_names
    from flowexport.errors import ArgumentError
    from flowexport.page import page_folder, page_server

    site = page_folder()
    if site is None:
        raise ArgumentError(
            "this flowexport comes without the page, as one that was not built by `make release-check` does; in a "
            "checkout runtime_examples/web/prepare.sh makes it, with Node.js"
        )
    served = {f"zoo/{name}": zoo_folder() / name / "bundle" for name in zoo_names()}
    opened = None if bundle is None else open_bundle(bundle)
    if opened is not None:
        served["bundle"] = opened.path
    with tempfile.TemporaryDirectory() as compiled:
        if compiles:
            if opened is None:
                raise ArgumentError("needs a BUNDLE", key="--compile")
            Path(compiled, "bundle.wasm").write_bytes(module_of(opened))
            served["module"] = Path(compiled)
        try:
            server = page_server(site, served, port)
        except OSError as error:
            raise ArgumentError(
                f"{port}: {error.strerror}; another one, or none for one that is free", key="--port"
            ) from error
        with server:
            shown = "" if opened is None else address_of(opened.path.resolve().name, compiles)
            address = f"http://127.0.0.1:{server.server_port}/{shown}"
            click.echo(address)
            if not no_open:
                open_browser(address)
            # Ctrl-C is how it ends.
            with suppress(KeyboardInterrupt):
                server.serve_forever()


def module_of(bundle: Bundle) -> bytes:
    """The module that ``flowexport convert --to wasm`` writes."""
    from flowexport.convert import wasm_files

    files, _ = wasm_files(bundle)
    return next(data for path, data in files.items() if path.endswith(".wasm"))


def address_of(name: str, compiled: bool = False) -> str:
    """The part of the page's address that makes it open the bundle that is served, by the name that it shows."""
    from urllib.parse import quote

    return f"?bundle={quote(name, safe='')}{'&compiled' if compiled else ''}"


def open_browser(address: str) -> None:
    """Opens a browser, where there is a screen to show it on: in a terminal it would stand in the server's way."""
    import os
    import sys
    import webbrowser

    screen = sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")))
    if not screen or not webbrowser.open(address):
        click.echo("flowexport: no browser can be opened from here; open the address yourself", err=True)
