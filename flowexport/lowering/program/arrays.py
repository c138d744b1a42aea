"""Arrays, and a value with all of them changed."""

from __future__ import annotations

__all__ = ["Array", "arrays_mapped"]

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Value = TypeVar("Value")


def arrays_mapped(value: Value, change: Callable[[Array], Array]) -> Value:
    """The same value with every array of floats, and every float, changed."""
    changed: Any = value
    if isinstance(value, np.ndarray):
        changed = change(value) if value.dtype.kind == "f" else value
    elif isinstance(value, float):
        changed = float(change(np.array(value)))
    elif isinstance(value, tuple):
        changed = tuple(arrays_mapped(each, change) for each in value)
    elif isinstance(value, Mapping):
        changed = {key: arrays_mapped(each, change) for key, each in value.items()}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [each.name for each in dataclasses.fields(value) if each.init]
        changed = dataclasses.replace(value, **{name: arrays_mapped(getattr(value, name), change) for name in fields})
    result: Value = changed
    return result
