"""pyarrow, imported only when a file needs it."""

from __future__ import annotations

__all__ = ["has_arrow", "import_arrow"]

import importlib
from typing import Any

from flowexport.errors import MissingExtra, extras_named


def import_arrow(module: str) -> tuple[Any, Any]:
    """pyarrow and one of its modules, such as ``csv``.

    Raises:
        MissingExtra: where pyarrow is not installed.
    """
    with extras_named():
        return importlib.import_module("pyarrow"), importlib.import_module(f"pyarrow.{module}")


def has_arrow() -> bool:
    """Whether pyarrow is installed."""
    try:
        import_arrow("csv")
    except MissingExtra:
        return False
    return True
