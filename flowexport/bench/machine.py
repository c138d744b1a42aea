"""What figures depend on: the processor and the versions."""

from __future__ import annotations

__all__ = ["machine"]

import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from flowexport.runtime.processors import available_threads

PACKAGES = ("flowexport-native", "numpy", "onnxruntime", "onnxruntime-gpu", "torch")


def machine(packages: Iterable[str] = PACKAGES) -> dict[str, str | int]:
    """The processor and the versions of installed packages. No host name, no path, no user."""
    return {
        "cpu": cpu_model(),
        "cores": available_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{package: version for package in packages if (version := installed_version(package))},
    }


def installed_version(package: str) -> str | None:
    """The version of a distribution without its build's name, or None where it is not installed."""
    try:
        return metadata.version(package).split("+")[0]
    except metadata.PackageNotFoundError:
        return None


def cpu_model() -> str:
    """The processor's name, as Linux knows it, or its architecture elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    if "model name" not in facts:
        return platform.machine()
    wide = " with AVX-512" if "avx512f" in facts.get("flags", "") else ""
    return f"{facts['model name']} (family {facts.get('cpu family')}, model {facts.get('model')}{wide})"
