"""A bundle as other things than a bundle: C for devices. Each is held to the golden cases before it is handed out."""

from .c import c_files
from .precision import Precision, precision_of

__all__ = ["Precision", "c_files", "precision_of"]
