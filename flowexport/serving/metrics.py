"""``/metrics`` for Prometheus, and the statistics of the protocol, both of the same counters."""

from __future__ import annotations

__all__ = ["metrics_text", "statistics_of"]

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from .counters import BATCH_BOUNDS, CODES, LATENCY_BOUNDS, Counters
from .endpoint import VERSION
from .registry import Registry

if TYPE_CHECKING:
    from prometheus_client import Metric

TRITON = {
    "nv_inference_request_success": ("requests", 1),
    "nv_inference_request_failure": ("refused", 1),
    "nv_inference_count": ("rows", 1),
    "nv_inference_exec_count": ("runs", 1),
    "nv_inference_request_duration_us": ("request_seconds", 1e6),
    "nv_inference_compute_infer_duration_us": ("run_seconds", 1e6),
}
"""Triton's names, so that its dashboards show this server too, and what each is of ours."""


def metrics_text(counters: Counters, registry: Registry) -> tuple[bytes, str]:
    """The exposition of all metrics, and its content type."""
    from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest

    collectors = CollectorRegistry(auto_describe=False)
    collectors.register(Collector(counters, registry))
    return generate_latest(collectors), CONTENT_TYPE_PLAIN_0_0_4


class Collector:
    """Reads the counters as prometheus_client asks."""

    def __init__(self, counters: Counters, registry: Registry) -> None:
        self.counters, self.registry = counters, registry

    def describe(self) -> list[Metric]:
        """Nothing, beforehand."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric."""
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
            UnknownMetricFamily,
        )

        server, endpoints = self.counters.server(), self.counters.endpoints()
        for name, key, said in (
            ("connections", "connections", "Open connections of HTTP."),
            ("queue_requests", "queued_requests", "Requests that wait or run."),
            ("queue_rows", "queued_rows", "Rows that wait or run."),
        ):
            yield GaugeMetricFamily(f"flowexport_{name}", said, value=server[key])
        refusals = CounterMetricFamily("flowexport_refusals", "Requests refused, by the code of why.", labels=["code"])
        for code in CODES:
            refusals.add_metric([code], server[code])
        yield refusals
        for name, key, said in (
            ("requests", "requests", "Requests answered."),
            ("requests_refused", "refused", "Requests refused."),
            ("rows", "rows", "Rows run."),
            ("runs", "runs", "Runs, each of one or more requests."),
            ("run_seconds", "run_seconds", "Seconds in runs."),
        ):
            family = CounterMetricFamily(f"flowexport_{name}", said, labels=["model"])
            for model, totals in endpoints.items():
                family.add_metric([model], totals.numbers[key])
            yield family
        latency = HistogramMetricFamily(
            "flowexport_request_seconds", "From a whole request to its answer.", labels=["model"]
        )
        batches = HistogramMetricFamily("flowexport_batch_requests", "Requests that ran together.", labels=["model"])
        for model, totals in endpoints.items():
            seconds, requests = totals.numbers["request_seconds"], totals.numbers["requests"]
            latency.add_metric([model], buckets(LATENCY_BOUNDS, totals.latencies), seconds)
            batches.add_metric([model], buckets(BATCH_BOUNDS, totals.batches), requests)
        yield from (latency, batches)
        loaded = GaugeMetricFamily("flowexport_bundle_loaded", "1 for what is loaded.", labels=["bundle", "digest"])
        for served in self.registry.served.values():
            digest = served.model.bundle.sha256 if served.model else ""
            loaded.add_metric([served.name, digest], float(served.model is not None))
        yield loaded
        for name, (key, unit) in TRITON.items():
            alias = UnknownMetricFamily(name, "As Triton has it.", labels=["model", "version"])
            for model, totals in endpoints.items():
                alias.add_metric([model, VERSION], totals.numbers[key] * unit)
            yield alias


def buckets(bounds: Iterable[float], counts: list[float]) -> list[tuple[str, float]]:
    """Cumulative buckets, as Prometheus has them."""
    return list(zip([*map(repr, bounds), "+Inf"], accumulate(counts), strict=True))


def statistics_of(counters: Counters, names: Iterable[str]) -> list[dict[str, object]]:
    """The statistics extension's account of endpoints. Times are in nanoseconds, last_inference in milliseconds."""
    all_of = counters.endpoints()
    found: list[dict[str, object]] = []
    for name in names:
        numbers = all_of[name].numbers
        waited = max(numbers["request_seconds"] - numbers["run_seconds"], 0.0)

        def duration(count: float, seconds: float) -> dict[str, int]:
            return {"count": int(count), "ns": int(seconds * 1e9)}

        found.append(
            {
                "name": name,
                "version": VERSION,
                "last_inference": int(numbers["last"] * 1000),
                "inference_count": int(numbers["rows"]),
                "execution_count": int(numbers["runs"]),
                "inference_stats": {
                    "success": duration(numbers["requests"], numbers["request_seconds"]),
                    "fail": duration(numbers["refused"], 0),
                    "queue": duration(numbers["requests"], waited),
                    "compute_input": duration(0, 0),
                    "compute_infer": duration(numbers["runs"], numbers["run_seconds"]),
                    "compute_output": duration(0, 0),
                },
            }
        )
    return found
