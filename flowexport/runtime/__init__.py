"""A bundle, loaded and proved, on ONNX Runtime. Needs no torch."""

from .checks import Check, Report
from .model import Model, load
from .noise import normals, philox4x32
from .parity import References, verify

__all__ = ["Check", "Model", "References", "Report", "load", "normals", "philox4x32", "verify"]
