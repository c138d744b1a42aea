"""The engines that there are, and the choice of one. A further one joins by a row of `ENGINES`."""

from __future__ import annotations

__all__ = ["ENGINES", "open_engine"]

from collections.abc import Callable
from typing import NamedTuple

from flowexport.bundle import Bundle
from flowexport.errors import ArgumentError, DeviceError, EngineError, MissingExtra

from .device import Device, wanted
from .engine import Engine
from .native import Native
from .onnx_runtime import OnnxRuntime, OnnxRuntimeOnCuda

AUTO = "auto"


class Row(NamedTuple):
    """An engine on a kind of device.

    Arguments:
        name: of the engine.
        kind: of the device.
        open: bundle, device and the reason for the choice → the engine. It raises EngineError, DeviceError or
            MissingExtra where it cannot be had here or not for this bundle; the next row is then asked, if one may be.
    """

    name: str
    kind: str
    open: Callable[[Bundle, Device, str], Engine]


ENGINES = (
    Row(OnnxRuntimeOnCuda.name, "cuda", OnnxRuntimeOnCuda),
    Row(Native.name, "cpu", Native),
    Row(OnnxRuntime.name, "cpu", OnnxRuntime),
)
"""In the order in which ``auto`` asks them; the device counts first."""


def open_engine(bundle: Bundle, engine: str = AUTO, device: str = AUTO, tf32: bool = False) -> Engine:
    """The first engine that can run a bundle, among those that were asked for.

    Arguments:
        bundle: open.
        engine: a name of `ENGINES`, or ``auto`` for any.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        tf32: as `flowexport.load` takes it.

    Raises:
        ArgumentError: for a name that is none.
        DeviceError, EngineError, MissingExtra: where none can be had, with the reason of the last that was asked.
        BundleError: for a graph that an engine cannot open.
    """
    candidates = candidates_of(engine, device, tf32)
    passed: list[str] = []
    for place, (row, where) in enumerate(candidates, 1):
        why = "asked for by name" if engine != AUTO else "; ".join(["the first that can be had", *passed])
        try:
            return row.open(bundle, where, why)
        except (DeviceError, EngineError, MissingExtra) as error:
            if place == len(candidates):
                raise
            passed.append(f"{row.name} on {where} cannot: {error}")
    raise EngineError(f"engine {engine}: does not run on device {device}")


def candidates_of(engine: str, device: str, tf32: bool = False) -> list[tuple[Row, Device]]:
    """The rows that answer to a name of an engine and of a device, in their order.

    Raises:
        ArgumentError: for a name that is none.
    """
    known = [AUTO, *dict.fromkeys(row.name for row in ENGINES)]
    if engine not in known:
        raise ArgumentError(f"expected {' or '.join(known)}, got {engine!r}", key="engine")
    rows = [row for row in ENGINES if engine in (AUTO, row.name)]
    return [(row, where) for where in wanted(device, tf32) for row in rows if row.kind == where.kind]
