"""What one processor does at most: a loop of multiply-and-adds, compiled and timed."""

from __future__ import annotations

__all__ = ["peak_flops"]

import ctypes
import os
import subprocess
import time
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


def peak_flops(folder: Path) -> float:
    """Operations a second of one processor, the best of some tries."""
    library = folder / "peak.so"
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-O3", "-march=native", "-shared", "-fPIC", str(SOURCE), "-o", str(library)], check=True)
    peak = ctypes.CDLL(str(library)).peak
    peak.restype, peak.argtypes = ctypes.c_long, (ctypes.c_long, ctypes.c_float, ctypes.POINTER(ctypes.c_float))
    best, out, rounds = 0.0, ctypes.c_float(), 1_000_000
    for _ in range(20):
        started = time.perf_counter()
        operations = peak(rounds, 0.5, ctypes.byref(out)) * rounds
        best = max(best, operations / (time.perf_counter() - started))
    return best
