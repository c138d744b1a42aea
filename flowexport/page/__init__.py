"""The page that opens bundles in a browser, as it comes with the package, and what serves it. Standard library only."""

from .server import page_folder, page_server

__all__ = ["page_folder", "page_server"]
