"""A trained flow becomes two lean ONNX graphs and a bundle, proved before it is put in place.

The package can be called: ``flowexport.export(flow, path)`` is `flowexport.export.export`.
"""

import inspect
import sys
from types import ModuleType

from .afresh import references_from, references_of_checkpoint
from .export import export as _export
from .export import export_checkpoint

__all__ = ["export_checkpoint", "references_from", "references_of_checkpoint"]


class _Callable(ModuleType):
    # The room and the verb share a name. Importing the room puts it where the verb was, so it must be both.
    __call__ = staticmethod(_export)


__signature__ = inspect.signature(_export)
sys.modules[__name__].__class__ = _Callable
