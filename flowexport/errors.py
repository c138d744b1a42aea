"""The errors that flowexport raises at its boundaries.

Every error carries its parts: what is wrong, in which file, at which key or argument, in which row, and the cure; the
message is one line made of them. A layer that knows more adds it by `FlowExportError.told`, and edits no text.
``code`` is a word for programs; ``exit_code`` is what the command line returns: 1 where a check of a model failed, 2
where the usage or the input is at fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypedDict, TypeVar, Unpack

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


Told = TypeVar("Told", bound="FlowExportError")


class Parts(TypedDict, total=False):
    """Of a `FlowExportError`, as it has them."""

    file: object
    key: str | None
    row: str | None
    cure: str | None


class FlowExportError(Exception):
    """Parent of all errors of this package.

    Arguments:
        what: is wrong.
        code: a word for programs; by default that of the class.
        file: the path of what is at fault.
        key: of the file, or the argument or option; ``a.b`` where one is in another.
        row: counted from 1, with its word: ``row 3``.
        cure: what is likely to help.
    """

    exit_code = 2
    code = "fault"

    def __init__(
        self,
        what: str,
        *,
        code: str | None = None,
        file: object = None,
        key: str | None = None,
        row: str | None = None,
        cure: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what, self.key, self.row, self.cure = what, key, row, cure
        self.file = None if file is None else str(file)
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        line = ": ".join(part for part in (self.file, self.key, self.row, self.what) if part)
        return line if self.cure is None else f"{line}; {self.cure}"

    def told(self, kind: type[Told], *, file: object = None, key: str | None = None) -> Told:
        """The same as an error of another kind, with parts that an outer layer knows; those that are there stay.

        Arguments:
            kind: of error.
            file: where the error names none.
            key: in place of the error's own; to put it before that, `within`.
        """
        error = kind.__new__(kind)
        FlowExportError.__init__(
            error, self.what, file=self.file or file, key=key or self.key, row=self.row, cure=self.cure
        )
        return error

    def within(self, key: str, separator: str = ".") -> str:
        """The error's key as one of another: ``key.own``, or ``key`` where it has none of its own."""
        return key if self.key is None else f"{key}{separator}{self.key}"

    def __reduce__(self) -> tuple[object, ...]:
        return restored, (type(self), self.args, self.__dict__)


def restored(kind: type[FlowExportError], args: tuple[object, ...], parts: dict[str, object]) -> FlowExportError:
    """A pickled error, with all its parts."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(parts)
    return error


class ArgumentError(FlowExportError, ValueError):
    """An argument of a public function or constructor has a value that it cannot have."""

    code = "wrong_argument"


class InputError(FlowExportError, ValueError):
    """An array handed to a loaded model does not fit it.

    Arguments:
        code: one of ``wrong_shape``, ``missing_context``, ``wrong_dtype`` (the names of the bundle's
            golden error cases), ``unknown_category``, ``missing_value`` or ``wrong_device``.
        what: is wrong.
        parts: as for `FlowExportError`.
    """

    def __init__(self, code: str, what: str, **parts: Unpack[Parts]) -> None:
        super().__init__(what, code=code, **parts)


class DataError(FlowExportError, ValueError):
    """A table of rows cannot be read or holds a value that a density has no use for."""

    code = "wrong_data"


class DataWarning(UserWarning):
    """What should be known of rows that can be used: no flow will fit them well, or how their table was read.

    The message names the file or the column, and the cure.
    """


class RecipeError(FlowExportError, ValueError):
    """A training recipe has an unknown key, a wrong type or a value out of range."""

    code = "wrong_recipe"


class CheckpointError(FlowExportError):
    """A run folder, or a file of weights, is incomplete, of an unknown format, or does not fit itself."""

    code = "wrong_checkpoint"


class TrainingError(FlowExportError):
    """Training cannot go on, for instance because the loss is no longer finite."""

    exit_code = 1
    code = "training_failed"


class ExportError(FlowExportError):
    """A flow cannot be written as two graphs."""

    code = "not_exportable"


class BundleError(FlowExportError):
    """A bundle breaks the contract on disk: format, path, hash or type."""

    code = "wrong_bundle"


class CheckFailed(FlowExportError):
    """A bundle was read, and a figure of its verification is over its bound.

    Arguments:
        what: the first failure in a line.
        report: the `flowexport.Report` of all checks, where one bundle was verified.
        parts: as for `FlowExportError`.
    """

    exit_code = 1
    code = "check_failed"

    def __init__(self, what: str, report: Any = None, **parts: Unpack[Parts]) -> None:
        super().__init__(what, **parts)
        self.report = report


class DeviceError(FlowExportError):
    """The device that was asked for cannot be had."""

    code = "no_device"


class EngineError(FlowExportError):
    """The engine that was asked for cannot be had here, or cannot run this bundle."""

    code = "no_engine"


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

    code = "missing_extra"

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
