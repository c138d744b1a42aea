"""Adopts models that were trained with another flow library, one file a library."""

from .zuko import from_zuko

__all__ = ["from_zuko"]
