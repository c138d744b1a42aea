"""pyarrow, imported only when a file needs it."""

__all__ = ["import_arrow"]

import importlib
from typing import Any

from flowexport.errors import MissingExtra


def import_arrow(module: str) -> tuple[Any, Any]:
    """pyarrow and one of its modules, such as ``csv``.

    Raises:
        MissingExtra: where pyarrow is not installed.
    """
    try:
        return importlib.import_module("pyarrow"), importlib.import_module(f"pyarrow.{module}")
    except ImportError as error:
        raise MissingExtra("pyarrow", "data") from error
