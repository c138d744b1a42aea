"""Adopts models that were trained with another flow library, one file a library."""

from .nflows import from_nflows, nflows_numbers
from .normflows import from_normflows, normflows_numbers
from .original import Original
from .zuko import from_zuko, zuko_numbers

__all__ = [
    "Original",
    "from_nflows",
    "from_normflows",
    "from_zuko",
    "nflows_numbers",
    "normflows_numbers",
    "zuko_numbers",
]
