"""A trained flow as data: its program, what it means in float64, and the graphs that are written from it."""

from .evaluate import log_prob, sample
from .lower import lower
from .program import Program

__all__ = ["Program", "log_prob", "lower", "sample"]
