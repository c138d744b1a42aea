"""Serves the page on this machine, with the headers that let it use two threads.

Standard library only. ``--bundle`` adds a folder of yours at ``bundle/``, as run.sh needs it.
"""

from __future__ import annotations

import argparse
import http.server
import os
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote, urlsplit

TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm", ".woff2": "font/woff2"}
"""What the system's own table may lack, and a browser insists on."""

ISOLATION = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
"""With these a page may share memory between threads."""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of the site, and of one bundle; nothing outside them, and no list of a folder.

    Arguments:
        bundle: its folder, or None.
        isolated: whether the headers for threads are sent.
        quiet: whether requests go unmentioned.
    """

    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, **TYPES}
    protocol_version = "HTTP/1.1"

    def __init__(self, *args, bundle: Path | None, isolated: bool, quiet: bool, **kwargs) -> None:
        self.bundle, self.isolated, self.quiet = bundle, isolated, quiet
        super().__init__(*args, **kwargs)

    def translate_path(self, path: str) -> str:
        """The file of an address; a bundle's own where the address begins with ``/bundle/``."""
        parts = unquote(urlsplit(path).path).split("/")
        if self.bundle is not None and parts[1:2] == ["bundle"]:
            return str(self.bundle.joinpath(*parts[2:]))
        return super().translate_path(path)

    def send_head(self):
        """Refuses what leaves the folder, also by a link, and folders without a page of their own."""
        in_bundle = self.bundle is not None and urlsplit(self.path).path.startswith("/bundle/")
        root = self.bundle if in_bundle else Path(self.directory)
        try:
            path = Path(self.translate_path(self.path))
            inside = path.resolve().is_relative_to(root.resolve())
        except (OSError, RuntimeError, ValueError):  # a loop of links, a zero byte
            inside = False
        if not inside:
            self.send_error(HTTPStatus.FORBIDDEN, "it leaves the folder")
            return None
        if path.is_dir() and not (path / "index.html").is_file():
            self.send_error(HTTPStatus.NOT_FOUND, "there is no such file")
            return None
        return super().send_head()

    def end_headers(self) -> None:
        if self.isolated:
            for name, value in ISOLATION.items():
                self.send_header(name, value)
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        if not self.quiet:
            super().log_message(format, *args)


def main() -> None:
    """Serves until it is interrupted; the address goes to standard output as soon as it answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one [default: 8000]")
    parser.add_argument("--bundle", type=Path, help="a folder to serve at /bundle/")
    parser.add_argument("--plain", action="store_true", help="without the headers for threads, as most servers are")
    parser.add_argument("--quiet", action="store_true", help="does not print the requests")
    given = parser.parse_args()
    site = Path(__file__).resolve().parent / "site"
    if not (site / "index.html").is_file():
        parser.exit(2, f"flow: {site}: is not there; prepare.sh makes it\n")
    handler = partial(Handler, directory=os.fspath(site), bundle=given.bundle, isolated=not given.plain, quiet=given.quiet)
    with http.server.ThreadingHTTPServer(("127.0.0.1", given.port), handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
