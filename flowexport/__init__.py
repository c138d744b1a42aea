"""Train a normalizing flow in PyTorch, ship it as two proved ONNX graphs, run it anywhere.

Everything here is imported when first used: ``import flowexport`` needs neither torch nor ONNX Runtime.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# From 1.29 on ONNX Runtime writes a device's id and a database to the user's cache when it is loaded, and starts a
# thread on which forked children hang or abort at their end. Whoever wants it sets the variable to 0 beforehand.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from .errors import FlowExportError
    from .export.export import export
    from .flows import NICE, Flow, MultiScaleRealNVP, RealNVP
    from .proof import Report, verify
    from .runtime import Model, load
    from .training import fit

__all__ = [
    "NICE",
    "Flow",
    "FlowExportError",
    "Model",
    "MultiScaleRealNVP",
    "RealNVP",
    "Report",
    "export",
    "fit",
    "load",
    "verify",
]

_HOMES = {
    "Flow": "flows",
    "FlowExportError": "errors",
    "Model": "runtime",
    "MultiScaleRealNVP": "flows",
    "NICE": "flows",
    "RealNVP": "flows",
    "Report": "proof",
    "fit": "training",
    "load": "runtime",
    "verify": "proof",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .errors import extras_named

    with extras_named():
        if name == "export":
            return import_module(".export", __name__)
        home = import_module(f".{_HOMES[name]}", __name__)
        if _HOMES[name] == "flows":
            # A loop of one's own is as fast as `fit`: the gradients that are written out come with it.
            import_module(".training", __name__)
        return getattr(home, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
