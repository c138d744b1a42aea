"""What proves a loaded bundle, any graph on any engine: figures against bounds. Needs no torch."""

from .checks import Check, Report
from .gate import verify
from .references import ReferenceCase, References, references_of

__all__ = ["Check", "ReferenceCase", "References", "Report", "references_of", "verify"]
