"""A trained flow as data: its program, what it means in float64, and the graphs that are written from it."""

from .evaluate import log_prob, sample
from .form import Form, lowered
from .lower import lower
from .passes import lean
from .program import Program

__all__ = ["Form", "Program", "lean", "log_prob", "lower", "lowered", "sample"]
