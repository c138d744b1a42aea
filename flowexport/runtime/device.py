"""Devices: what was asked for, whether it can be had, and an ONNX Runtime session on it and on no other."""

from __future__ import annotations

__all__ = ["Device", "cuda_fault", "driver", "import_onnxruntime", "open_session", "require_cuda", "resolve", "wanted"]

import ctypes
import os
import re
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from flowexport.errors import ArgumentError, BundleError, DeviceError, extras_named

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

OLDEST = (1, 18)
OLDEST_WORDS = "a bundle needs 1.18 or later (pip install --upgrade 'flowexport[cpu]', or [gpu])"

OLDEST_ON_A_GPU = (1, 26)
"""Its values are the first to take and give tensors by DLPack."""

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


@dataclass(frozen=True)
class Device:
    """A device that a session runs on.

    Arguments:
        kind: ``cpu`` or ``cuda``.
        index: which GPU.
        tf32: whether products on it may keep 10 bits of their operands.
    """

    kind: str
    index: int = 0
    tf32: bool = False

    @property
    def provider(self) -> str:
        """ONNX Runtime's name for it."""
        return PROVIDERS[self.kind]

    def __str__(self) -> str:
        return self.kind if self.kind == "cpu" else f"{self.kind}:{self.index}"


def import_onnxruntime() -> ModuleType:
    """ONNX Runtime, of whichever package it came from.

    Raises:
        MissingExtra: where neither is installed.
        DeviceError: where it is too old to read a bundle.
    """
    with extras_named():
        import onnxruntime
    module: ModuleType = onnxruntime
    if too_old(module.__version__):
        raise DeviceError(f"ONNX Runtime {module.__version__} is too old: {OLDEST_WORDS}")
    return module


def too_old(version: str, oldest: tuple[int, int] = OLDEST) -> bool:
    """Whether a version of ONNX Runtime cannot do what is wanted: IR version 10, that of bundles, came with 1.18."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) < oldest


def wanted(name: str, tf32: bool = False) -> list[Device]:
    """The devices that answer to a name, in the order in which they are tried: for ``auto`` CUDA, then the CPU.

    Raises:
        ArgumentError: for another name than ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    """
    found = re.fullmatch(r"(auto|cpu|cuda)(?::(\d{1,3}))?", name)
    if not found or (found[2] and found[1] != "cuda"):
        raise ArgumentError(f"expected auto, cpu, cuda or cuda:N, got {name!r}", key="device")
    cpu, cuda = Device("cpu"), Device("cuda", int(found[2] or 0), tf32)
    return {"auto": [cuda, cpu], "cpu": [cpu], "cuda": [cuda]}[found[1]]


def resolve(name: str) -> Device:
    """The first of the `wanted` devices that can be had.

    Raises:
        DeviceError: where CUDA was asked for by name and cannot be had, with the reason.
    """
    *others, last = wanted(name)
    for device in others:
        if cuda_fault(device.index) is None:
            return device
    if last.kind == "cuda":
        require_cuda(last)
    return last


def require_cuda(device: Device) -> None:
    """Holds a GPU to be there.

    Raises:
        DeviceError: where it cannot be had, with the reason.
    """
    fault = cuda_fault(device.index)
    if fault is not None:
        raise DeviceError(f"device {device} cannot be had: {fault}")


def cuda_fault(index: int) -> str | None:
    """Why a GPU cannot be had, or None. Asks the driver, so that nothing is printed by trying."""
    onnxruntime = import_onnxruntime()
    if PROVIDERS["cuda"] not in onnxruntime.get_available_providers():
        return "the installed onnxruntime is the CPU's (pip uninstall onnxruntime; pip install 'flowexport[gpu]')"
    if too_old(onnxruntime.__version__, OLDEST_ON_A_GPU):
        return f"ONNX Runtime {onnxruntime.__version__} is too old for CUDA (pip install --upgrade 'flowexport[gpu]')"
    try:
        cuda = driver()
    except OSError:
        return "there is no NVIDIA driver on this machine (libcuda cannot be loaded)"
    count = ctypes.c_int()
    status = cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count))
    if status or count.value == 0:
        return f"the NVIDIA driver finds no GPU (status {status})"
    return None if index < count.value else f"there are {count.value} GPUs, numbered from 0"


def driver() -> ctypes.CDLL:
    """NVIDIA's driver.

    Raises:
        OSError: where there is none.
    """
    return ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")


def open_session(data: bytes, device: Device, where: str, apart: bool = False) -> InferenceSession:
    """A session of one thread, on the device and on no other.

    Arguments:
        data: the ONNX file, the very bytes that were hashed.
        device: from `resolve`.
        where: the file's path, for messages.
        apart: whether the result of every operator has memory of its own: quicker for few rows, if there is enough.

    Raises:
        DeviceError: where the session does not run on the device.
        BundleError: where ONNX Runtime cannot open the file.
    """
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    # One thread: blocks of rows are spread over threads instead, which is faster and survives a fork.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_reuse = not apart
    # What goes wrong comes as an exception; the log would say it once more, on the user's screen.
    options.log_severity_level = 4
    provider: str | tuple[str, dict[str, str]] = device.provider
    if device.kind == "cuda":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        # TF32 keeps 10 bits of a product's operands: too few for densities, so it has to be asked for.
        tf32 = str(int(device.tf32))
        provider = (device.provider, {"device_id": str(device.index), "use_tf32": tf32, "enable_cuda_graph": "1"})
    try:
        if device.kind == "cuda":
            onnxruntime.preload_dlls()
        session = onnxruntime.InferenceSession(data, options, providers=[provider])
    except Exception as error:  # ONNX Runtime raises many kinds, of a module without public names
        reason = str(error).strip().splitlines()[0][:300]
        if device.kind == "cuda":
            raise DeviceError(f"device {device} cannot be had: {reason}") from error
        raise BundleError(f"ONNX Runtime cannot open it: {reason}", file=where) from error
    if session.get_providers()[0] != device.provider:
        raise DeviceError(f"device {device} was asked for, the session runs on {session.get_providers()[0]}")
    return session
