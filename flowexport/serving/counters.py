"""What the workers of a server count, in memory that they share: any of them can tell the sum of all."""

from __future__ import annotations

__all__ = ["BATCH_BOUNDS", "CODES", "LATENCY_BOUNDS", "Counters"]

import mmap
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LATENCY_BOUNDS = (5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds, from what one row alone takes on a quiet machine to what nobody waits for."""

BATCH_BOUNDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
"""Requests that ran together."""

CODES = (
    "wrong_shape", "missing_context", "wrong_dtype", "unknown_category", "missing_value", "wrong_argument",
    "wrong_json", "wrong_request", "wrong_size", "wrong_encoding", "wrong_http", "wrong_method", "wrong_message",
    "missing_input", "unknown_input", "unknown_output", "unknown_model", "unknown_version", "unknown_address",
    "too_large", "too_slow", "busy", "out_of_memory", "no_token", "not_allowed", "fault", "other",
)  # fmt: skip
"""Of refusals. A client cannot make a label of its own."""

OF_SERVER = ("connections", "queued_requests", "queued_rows", "started")
"""Gauges of a worker."""

OF_ENDPOINT = ("requests", "refused", "rows", "runs", "run_seconds", "request_seconds", "last")
NUMBER = 8
"""Bytes of one."""


@dataclass(frozen=True)
class Totals:
    """What was counted of an endpoint: numbers by the names of `OF_ENDPOINT`, requests and runs by bucket."""

    numbers: dict[str, float]
    latencies: list[float]
    batches: list[float]


class Counters:
    """Numbers of every worker and endpoint.

    Arguments:
        names: of the endpoints; those that the server was started with are all that there ever are.
        bundles: of the bundles.
        workers: processes that count.
    """

    def __init__(self, names: Sequence[str], bundles: Sequence[str], workers: int = 1) -> None:
        self.names, self.bundles, self.workers = list(names), list(bundles), workers
        self.worker = 0
        self.codes = {code: at for at, code in enumerate(CODES)}
        self.of_endpoint = len(OF_ENDPOINT) + len(LATENCY_BOUNDS) + 1 + len(BATCH_BOUNDS) + 1
        self.first_endpoint = len(OF_SERVER) + len(CODES)
        self.size = self.first_endpoint + len(names) * self.of_endpoint
        # Behind the workers' numbers stand, for all of them, which bundles are wanted.
        self._memory = mmap.mmap(-1, (workers * self.size + len(bundles)) * NUMBER)
        self._all = memoryview(self._memory).cast("d")
        self._own = self._all[: self.size]
        for at in range(len(bundles)):
            self.want(at, True)

    def become(self, worker: int) -> None:
        """Counts as one of the workers from now on."""
        self.worker = worker
        self._own = self._all[worker * self.size : (worker + 1) * self.size]

    def want(self, bundle: int, wanted: bool) -> None:
        """Says to all workers whether a bundle is to be loaded."""
        self._all[self.workers * self.size + bundle] = float(wanted)

    def wants(self, bundle: int) -> bool:
        """Whether a bundle is to be loaded."""
        return bool(self._all[self.workers * self.size + bundle])

    def gauge(self, connections: int, requests: int, rows: int) -> None:
        """What there is at present."""
        self._own[0], self._own[1], self._own[2] = connections, requests, rows

    def start(self) -> None:
        """Says that this worker serves."""
        self._own[3] = 1

    def started(self, worker: int) -> bool:
        """Whether a worker has ever served."""
        return bool(self._all[worker * self.size + 3])

    def refused(self, code: str, endpoint: int | None) -> None:
        """Counts a refusal, of an endpoint where it is known."""
        self._own[len(OF_SERVER) + self.codes.get(code, len(CODES) - 1)] += 1
        if endpoint is not None:
            self._own[self.first_endpoint + endpoint * self.of_endpoint + 1] += 1

    def ran(self, endpoint: int, requests: int, rows: int, seconds: float) -> None:
        """Counts a run."""
        own, start = self._own, self.first_endpoint + endpoint * self.of_endpoint
        own[start + 2] += rows
        own[start + 3] += 1
        own[start + 4] += seconds
        own[start + len(OF_ENDPOINT) + len(LATENCY_BOUNDS) + 1 + bisect_left(BATCH_BOUNDS, requests)] += 1

    def answered(self, endpoint: int, began: Sequence[float]) -> None:
        """Counts requests that were answered just now, by when each came."""
        own, start = self._own, self.first_endpoint + endpoint * self.of_endpoint
        latencies = start + len(OF_ENDPOINT)
        now = time.perf_counter()
        # Those of one batch came nearly together: most often all of them are in one bucket.
        longest = bisect_left(LATENCY_BOUNDS, now - min(began, default=now))
        if longest == bisect_left(LATENCY_BOUNDS, now - max(began, default=now)):
            own[latencies + longest] += len(began)
        else:
            for each in began:
                own[latencies + bisect_left(LATENCY_BOUNDS, now - each)] += 1
        own[start] += len(began)
        own[start + 5] += now * len(began) - sum(began)
        own[start + 6] = time.time()

    def server(self) -> dict[str, float]:
        """The sums of all workers: gauges and, by code, refusals."""
        totals = self._totals()
        return dict(zip((*OF_SERVER, *CODES), totals[: self.first_endpoint].tolist(), strict=True))

    def endpoints(self) -> dict[str, Totals]:
        """The sums of all workers by endpoint."""
        totals = self._totals()[self.first_endpoint :].reshape(-1, self.of_endpoint)
        split = len(OF_ENDPOINT), len(OF_ENDPOINT) + len(LATENCY_BOUNDS) + 1
        found: dict[str, Totals] = {}
        for at, (name, row) in enumerate(zip(self.names, totals, strict=True)):
            numbers = dict(zip(OF_ENDPOINT, row[: split[0]].tolist(), strict=True))
            numbers["last"] = float(self._by_worker()[:, self.first_endpoint + at * self.of_endpoint + 6].max())
            found[name] = Totals(numbers, row[split[0] : split[1]].tolist(), row[split[1] :].tolist())
        return found

    def _by_worker(self) -> np.ndarray:
        return np.frombuffer(self._memory, np.float64, self.workers * self.size).reshape(self.workers, self.size).copy()

    def _totals(self) -> np.ndarray:
        totals: np.ndarray = self._by_worker().sum(axis=0)
        return totals
