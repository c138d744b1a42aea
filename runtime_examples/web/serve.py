"""Serves the page on this machine, with the headers that let it use two threads.

Standard library only. ``--bundle`` adds a folder of yours at ``bundle/``, as run.sh needs it.
"""

from __future__ import annotations

import argparse
import http.server
import io
import os
import socket
import sys
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO
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

    protocol_version = "HTTP/1.1"

    def __init__(self, *args: Any, bundle: Path | None, isolated: bool, quiet: bool, **kwargs: Any) -> None:
        self.bundle, self.isolated, self.quiet = bundle, isolated, quiet
        self.extensions_map = {**super().extensions_map, **TYPES}
        super().__init__(*args, **kwargs)

    def place(self, path: str) -> tuple[Path, Path]:
        """The folder that an address is about, the bundle's where it begins with ``/bundle/``, and the file."""
        parts = [part for part in unquote(urlsplit(path).path).split("/") if part]
        if self.bundle is not None and parts[:1] == ["bundle"]:
            return self.bundle, self.bundle.joinpath(*parts[1:])
        return Path(self.directory), Path(self.directory, *parts)

    def translate_path(self, path: str) -> str:
        return str(self.place(path)[1])

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Refuses what leaves the folder, also by a link, and folders without a page of their own."""
        root, path = self.place(self.path)
        try:
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


class Server(http.server.ThreadingHTTPServer):
    """A thread a connection. A browser that hangs up in the middle of an answer has its reasons."""

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


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
    handler = partial(
        Handler, directory=os.fspath(site), bundle=given.bundle, isolated=not given.plain, quiet=given.quiet
    )
    with Server(("127.0.0.1", given.port), handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
