"""A Ray cluster for as long as a job takes, and tasks that are run on it."""

from __future__ import annotations

__all__ = ["Failure", "Session", "Task", "session"]

import importlib
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, TypeVar

from flowexport.errors import CheckFailed, DataError, DeviceError, FlowExportError, extras_named
from flowexport.runtime.processors import available_threads

if TYPE_CHECKING:
    from ray import ObjectRef

STORE_BYTES = 80 << 20
"""The least that Ray takes for its object store. Tasks hand on file names and counts, never rows."""

AHEAD = 2
"""Tasks a processor that are handed to Ray at a time: one that runs, and one that waits for it."""

RETRIES = 3
"""How often a task is run again whose worker died, for instance for want of memory."""


class Task(Protocol):
    """What a worker does, on one processor. It may be done twice, where a worker dies: that is to do no harm."""

    def run(self) -> object:
        """Does it, and returns what the driver wants to know."""


AnyTask = TypeVar("AnyTask", bound=Task)


@dataclass(frozen=True)
class Failure:
    """What was wrong with a task's input, as a task hands it on: an exception would arrive in Ray's own wrapping."""

    message: str
    exit_code: int


@dataclass(frozen=True)
class Session:
    """A running cluster.

    Arguments:
        ray: the library.
        processors: of all its machines.
    """

    ray: ModuleType
    processors: int

    def run(self, waiting: deque[AnyTask]) -> Iterator[tuple[AnyTask, object]]:
        """Runs tasks, and yields each with what it returned when it is done.

        Arguments:
            waiting: `Task`s; more may be put there at any time.

        Raises:
            FlowExportError: of the first task that failed; those that run are then stopped.
        """
        remote = self.ray.remote(num_cpus=1, max_retries=RETRIES)(attempted)
        running: dict[ObjectRef[object], AnyTask] = {}
        try:
            while waiting or running:
                while waiting and len(running) < AHEAD * self.processors:
                    task = waiting.popleft()
                    running[remote.remote(task, version_here())] = task
                done, _ = self.ray.wait(list(running), num_returns=1)
                task = running.pop(done[0])
                yield task, self.result(done[0])
        finally:
            for left in running:
                self.ray.cancel(left)

    def result(self, reference: ObjectRef[object]) -> object:
        """What a task returned."""
        try:
            found = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            raise DataError(f"Ray: {' '.join(str(error).split())[:500]}") from error
        if isinstance(found, Failure):
            raise (CheckFailed if found.exit_code == 1 else DataError)(found.message)
        return found


def attempted(task: Task, version: str) -> object:
    """What a task returns, or what was wrong."""
    if version != version_here():
        return Failure(f"Ray: a worker has flowexport {version_here()}, and this is {version}; install the same", 2)
    try:
        return task.run()
    except FlowExportError as error:
        return Failure(str(error), error.exit_code)
    except OSError as error:
        return Failure(f"{error.filename or 'a worker'}: {error.strerror or error}", 2)


def version_here() -> str:
    """Of flowexport in this process. By name, since who imports the package itself may import all that it offers."""
    return str(importlib.import_module("flowexport").__version__)


@contextmanager
def session(address: str | None = None, workers: int | None = None) -> Iterator[Session]:
    """A cluster: one that is named, or else processes of this machine, which end with the block.

    Arguments:
        address: of a running cluster, as Ray knows it. Without one, none that happens to run is joined.
        workers: processes of a local one; None: one for each processor that this process may run on.

    Raises:
        DeviceError: for a cluster that is not reached.
        MissingExtra: where Ray is not installed.
    """
    # Ray tells its makers of each use, unless it is told not to. Whoever wants it sets the variable to 1 beforehand.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with extras_named():
        ray = importlib.import_module("ray")
    asked: dict[str, object] = {"address": address, "log_to_driver": False, "logging_level": "error"}
    if address is None:
        asked |= {"address": "local", "num_cpus": workers or available_threads(), "include_dashboard": False}
        asked |= {"object_store_memory": STORE_BYTES}
    with signals_kept():
        try:
            ray.init(**asked)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            where = "Ray" if address is None else f"--address: {address}"
            raise DeviceError(f"cannot be had ({' '.join(str(error).split())[:300]})", file=where) from error
    try:
        yield Session(ray, max(1, int(ray.cluster_resources().get("CPU", 1))))
    finally:
        ray.shutdown()


@contextmanager
def signals_kept() -> Iterator[None]:
    """SIGTERM means what it meant before, though Ray takes it for itself."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and before is not None:
            signal.signal(signal.SIGTERM, before)
