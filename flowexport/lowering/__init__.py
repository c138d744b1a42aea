"""A trained flow as data: its program, what it means in float64, and the graphs that are written from it."""

from .emitters import EMITTERS, Emitter
from .evaluate import log_prob, sample
from .form import Form, lowered, plain
from .lower import lower
from .passes import lean
from .program import Program

__all__ = ["EMITTERS", "Emitter", "Form", "Program", "lean", "log_prob", "lower", "lowered", "plain", "sample"]
