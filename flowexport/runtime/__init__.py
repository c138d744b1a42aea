"""A bundle, loaded: its graphs on an engine, rows and noise in, log_prob and samples out. Needs no torch."""

from .model import Model, load
from .noise import normals, philox4x32

__all__ = ["Model", "load", "normals", "philox4x32"]
