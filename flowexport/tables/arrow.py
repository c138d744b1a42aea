"""pyarrow, imported only when a file needs it."""

__all__ = ["import_arrow"]

import importlib
from typing import Any

from flowexport.errors import extras_named


def import_arrow(module: str) -> tuple[Any, Any]:
    """pyarrow and one of its modules, such as ``csv``.

    Raises:
        MissingExtra: where pyarrow is not installed.
    """
    with extras_named():
        return importlib.import_module("pyarrow"), importlib.import_module(f"pyarrow.{module}")
