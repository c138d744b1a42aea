"""How many threads a process is to use: what it may run on, what its container may spend, or what it is told."""

from __future__ import annotations

__all__ = ["available_threads"]

import math
import os
from pathlib import Path

from flowexport.errors import ArgumentError

VARIABLE = "FLOWEXPORT_THREADS"


def available_threads(root: Path = Path("/")) -> int:
    """The threads over blocks of a model that was loaded without a number of its own.

    The environment variable ``FLOWEXPORT_THREADS``, or the smaller of the processors that the process may run on and
    of its container's quota, rounded up: threads beyond a quota only wait for each other.

    Arguments:
        root: where ``/proc`` and ``/sys`` are.

    Raises:
        ArgumentError: where the variable is no whole number of at least 1.
    """
    told = os.environ.get(VARIABLE)
    if told:
        if not (told.isascii() and told.isdigit() and 0 < int(told) < 1 << 16):
            raise ArgumentError(f"{VARIABLE}: expected a whole number of at least 1, got {told!r}")
        return int(told)
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:  # no affinity on macOS and Windows
        processors = os.cpu_count() or 1
    return max(1, math.ceil(min(processors, quota(root))))


def quota(root: Path) -> float:
    """Processors that the control groups of the process may spend, infinite where there is no limit.

    References:
        https://docs.kernel.org/admin-guide/cgroup-v2.html, ``cpu.max``;
        https://docs.kernel.org/scheduler/sched-bwc.html, ``cpu.cfs_quota_us``
    """
    least = math.inf
    groups = root / "sys/fs/cgroup"
    for line in read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        # A limit may stand at any level; seen from inside a container, the path may be that of the host.
        for top in (groups / controllers, groups / "cpu") if controllers else (groups, groups / "unified"):
            group = top / path.lstrip("/")
            for level in (group, *group.parents):
                least = min(least, of_group(level))
                if level == top:
                    break
    return least


def of_group(group: Path) -> float:
    """The limit of one group, of either version."""
    text = read(group / "cpu.max") or " ".join(read(group / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    try:
        spent, period = (float(word) for word in text.split())
    except ValueError:  # "max 100000", or nothing
        return math.inf
    return spent / period if spent > 0 and period > 0 else math.inf


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
