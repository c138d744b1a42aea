"""Opens a flowexport/1 bundle and gives log_prob, percentile and sample, with numpy and ONNX Runtime alone."""

from .bundle import Bundle, open_bundle
from .errors import BundleError, InputError
from .model import Model
from .noise import normals

__all__ = ["Bundle", "BundleError", "InputError", "Model", "normals", "open_bundle"]
