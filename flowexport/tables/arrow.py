"""pyarrow, imported only when a file needs it."""

from __future__ import annotations

__all__ = ["has_arrow", "import_arrow"]

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

from flowexport.errors import MissingExtra, extras_named

if TYPE_CHECKING:
    import pyarrow

    Array = pyarrow.Array[Any]
    """An array of whatever cells."""
    Chunked = pyarrow.ChunkedArray[Any]


def import_arrow(module: str) -> tuple[ModuleType, ModuleType]:
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
