"""Opens a flowexport/1 bundle and gives log_prob, percentile and sample, with numpy and ONNX Runtime alone."""

import os

# Before ONNX Runtime is loaded: it would write a device's id into the user's cache folder. A user's own word stands.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from .bundle import Bundle, open_bundle
from .errors import BundleError, InputError
from .model import Model
from .noise import normals

__all__ = ["Bundle", "BundleError", "InputError", "Model", "normals", "open_bundle"]
