"""How long models take: a bundle by rows and threads, beside another bundle or the trained flow in PyTorch."""

from .machine import machine
from .measure import Measurement, measure
from .subject import Subject, subject_of
from .timing import Comparison, Timing, others_since, pinned, side_by_side, usage

__all__ = [
    "Comparison",
    "Measurement",
    "Subject",
    "Timing",
    "machine",
    "measure",
    "others_since",
    "pinned",
    "side_by_side",
    "subject_of",
    "usage",
]
