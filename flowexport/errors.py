"""The errors that flowexport raises at its boundaries.

Every message names what is wrong, where, and the cure, in one line. ``exit_code`` is what the command
line returns: 1 where a check of a model failed, 2 where the usage or the input is at fault.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = [
    "EXTRAS",
    "ArgumentError",
    "BundleError",
    "CheckFailed",
    "CheckpointError",
    "DataError",
    "DataWarning",
    "DeviceError",
    "EngineError",
    "ExportError",
    "FlowExportError",
    "InputError",
    "MissingExtra",
    "RecipeError",
    "TrainingError",
    "extras_named",
]


class FlowExportError(Exception):
    """Parent of all errors of this package."""

    exit_code = 2


class ArgumentError(FlowExportError, ValueError):
    """An argument of a public function or constructor has a value that it cannot have."""


class InputError(FlowExportError, ValueError):
    """An array handed to a loaded model does not fit it.

    Arguments:
        code: one of ``wrong_shape``, ``missing_context``, ``wrong_dtype`` (the names of the bundle's
            golden error cases), ``unknown_category``, ``missing_value`` or ``wrong_device``.
        message: what is wrong, and the cure.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class DataError(FlowExportError, ValueError):
    """A table of rows cannot be read or holds a value that a density has no use for."""


class DataWarning(UserWarning):
    """What should be known of rows that can be used: no flow will fit them well, or how their table was read.

    The message names the file or the column, and the cure.
    """


class RecipeError(FlowExportError, ValueError):
    """A training recipe has an unknown key, a wrong type or a value out of range."""


class CheckpointError(FlowExportError):
    """A run folder, or a file of weights, is incomplete, of an unknown format, or does not fit itself."""


class TrainingError(FlowExportError):
    """Training cannot go on, for instance because the loss is no longer finite."""

    exit_code = 1


class ExportError(FlowExportError):
    """A flow cannot be written as two graphs."""


class BundleError(FlowExportError):
    """A bundle breaks the contract on disk: format, path, hash or type."""


class CheckFailed(FlowExportError):
    """A bundle was read, and a figure of its verification is over its bound.

    Arguments:
        message: the first failure in a line.
        report: the `flowexport.Report` of all checks, where one bundle was verified.
    """

    exit_code = 1

    def __init__(self, message: str, report: Any = None) -> None:
        super().__init__(message)
        self.report = report


class DeviceError(FlowExportError):
    """The device that was asked for cannot be had."""


class EngineError(FlowExportError):
    """The engine that was asked for cannot be had here, or cannot run this bundle."""


EXTRAS = {
    "onnxruntime": "cpu",
    "onnxruntime-gpu": "gpu",
    "openvino": "openvino",
    "pyarrow": "data",
    "torch": "train",
    "onnx": "train",
    "onnxscript": "train",
    "safetensors": "train",
    "matplotlib": "train",
    "ray": "ray",
    "scikit-learn": "evaluate",
    "nflows": "interop",
    "normflows": "interop",
    "zuko": "interop",
    "grpcio": "serve",
    "httptools": "serve",
    "orjson": "serve",
    "prometheus-client": "serve",
    "uvloop": "serve",
    "flowexport-native": "native",
}
"""Optional distributions, and the extra that brings each."""


DISTRIBUTIONS = {
    "flowexport_native": "flowexport-native",
    "grpc": "grpcio",
    "prometheus_client": "prometheus-client",
    "sklearn": "scikit-learn",
}
"""Distributions whose module has another name."""


class MissingExtra(FlowExportError, ImportError):
    """A package of an optional extra is not installed.

    Arguments:
        package: one of `EXTRAS`.
    """

    def __init__(self, package: str) -> None:
        super().__init__(f"the package {package} is not installed: pip install 'flowexport[{EXTRAS[package]}]'")


@contextmanager
def extras_named() -> Iterator[None]:
    """Turns the failed import of an optional package into the extra that brings it.

    Raises:
        MissingExtra: for a package of `EXTRAS`; any other failure to import is left as it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = DISTRIBUTIONS.get(error.name or "", error.name)
        if package in EXTRAS:
            raise MissingExtra(package) from error
        raise
