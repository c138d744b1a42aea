"""Serves the page on this machine, with the headers that let it use two threads."""

from __future__ import annotations

__all__ = ["page_folder", "page_server"]

import http.server
import io
import os
import socket
import socketserver
import sys
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

HOST = "127.0.0.1"

NAMES = (HOST, "localhost")
"""What a browser on this machine calls it. A page from elsewhere whose name was made to lead here has another one."""

TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm", ".woff2": "font/woff2"}
"""What the system's own table may lack, and a browser insists on."""

ISOLATION = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
"""With these a page may share memory between threads."""

PACKAGE = Path(__file__).resolve().parent


def page_folder() -> Path | None:
    """Where the page lies: inside an installed package, or beside it in a checkout, where prepare.sh has made it."""
    folders = (PACKAGE / "site", PACKAGE.parents[1] / "runtime_examples" / "web" / "site")
    return next((folder for folder in folders if (folder / "index.html").is_file()), None)


def page_server(
    site: Path, bundles: Mapping[str, Path], port: int = 0, isolated: bool = True, quiet: bool = True
) -> http.server.ThreadingHTTPServer:
    """A server on loopback, bound and not yet serving.

    Arguments:
        site: the page's folder.
        bundles: folders by the address that each is served at, without slashes around it: ``bundle``, ``zoo/banana``.
        port: 0 takes a free one.
        isolated: whether the headers for threads are sent.
        quiet: whether requests go unmentioned.

    Raises:
        OSError: where the port is taken.
    """
    handler = partial(Handler, directory=os.fspath(site), bundles=bundles, isolated=isolated, quiet=quiet)
    return Server((HOST, port), handler)


class Server(http.server.ThreadingHTTPServer):
    """A thread a connection. A browser that hangs up in the middle of an answer has its reasons."""

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of the site and of bundles; nothing outside them, and no list of a folder."""

    protocol_version = "HTTP/1.1"

    def __init__(
        self,
        request: socket.socket,
        address: tuple[str, int],
        server: socketserver.BaseServer,
        *,
        directory: str,
        bundles: Mapping[str, Path],
        isolated: bool,
        quiet: bool,
    ) -> None:
        self.bundles, self.isolated, self.quiet = bundles, isolated, quiet
        self.extensions_map = {**super().extensions_map, **TYPES}
        super().__init__(request, address, server, directory=directory)

    def place(self, path: str) -> tuple[Path, Path]:
        """The folder that an address is about, a bundle's where it begins with its address, and the file."""
        parts = [part for part in unquote(urlsplit(path).path).split("/") if part]
        for length in range(1, len(parts) + 1):
            bundle = self.bundles.get("/".join(parts[:length]))
            if bundle is not None:
                return bundle, bundle.joinpath(*parts[length:])
        return Path(self.directory), Path(self.directory, *parts)

    def translate_path(self, path: str) -> str:
        return str(self.place(path)[1])

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Refuses other names of this host, what leaves the folder, also by a link, and lists of folders."""
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in NAMES:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, f"it answers to {' and '.join(NAMES)} only")
            return None
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
