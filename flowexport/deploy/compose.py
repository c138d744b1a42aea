"""A compose project: a server of bundles, Prometheus, which asks it, and Grafana, which draws what it says."""

from __future__ import annotations

__all__ = ["compose_files"]

import json
from collections.abc import Iterator, Sequence

from .bundles import Named
from .image import image_files

PANELS = (
    ("Requests a second", "reqps", {"{{model}}": "sum by (model) (rate(flowexport_requests_total[1m]))"}),
    (
        "Seconds to an answer",
        "s",
        {
            f"p{share} {{{{model}}}}": f"histogram_quantile({share / 100}, "
            "sum by (model, le) (rate(flowexport_request_seconds_bucket[1m])))"
            for share in (50, 99)
        },
    ),
    ("Rows a second", "short", {"{{model}}": "sum by (model) (rate(flowexport_rows_total[1m]))"}),
    (
        "Requests that run together",
        "short",
        {
            "{{model}}": "sum by (model) (rate(flowexport_requests_total[1m])) "
            "/ sum by (model) (rate(flowexport_runs_total[1m]))"
        },
    ),
    ("Refusals a second, by reason", "reqps", {"{{code}}": "sum by (code) (rate(flowexport_refusals_total[1m])) > 0"}),
    ("Waiting", "short", {"rows": "sum(flowexport_queue_rows)", "requests": "sum(flowexport_queue_requests)"}),
    (
        "Time in runs, of a core",
        "percentunit",
        {"{{model}}": "sum by (model) (rate(flowexport_run_seconds_total[1m]))"},
    ),
    ("Open connections", "short", {"connections": "sum(flowexport_connections)"}),
    ("Bundles that are loaded", "short", {"{{bundle}} {{digest}}": "flowexport_bundle_loaded"}),
)
"""Of the dashboard: what each shows, in which unit of Grafana's, and what Prometheus is asked by legend."""

ACROSS, HIGH = 8, 8
"""A panel's width and height in the dashboard's grid, which is 24 wide."""


def compose_files(bundles: Sequence[Named]) -> Iterator[tuple[str, bytes]]:
    """The project: ``compose.yaml`` and the files that it mounts and builds."""
    yield "compose.yaml", COMPOSE.encode()
    yield "prometheus.yml", PROMETHEUS.encode()
    yield "grafana/provisioning/datasources/prometheus.yaml", SOURCE.encode()
    yield "grafana/provisioning/dashboards/flowexport.yaml", PROVIDER.encode()
    yield "grafana/dashboards/flowexport.json", json.dumps(dashboard(), indent=2).encode()
    yield from image_files(bundles)


def dashboard() -> dict[str, object]:
    """Grafana's dashboard of the server's metrics."""
    source = {"type": "prometheus", "uid": "prometheus"}
    panels = [
        {
            "id": place + 1,
            "title": title,
            "type": "timeseries",
            "datasource": source,
            "gridPos": {"x": place % 3 * ACROSS, "y": place // 3 * HIGH, "w": ACROSS, "h": HIGH},
            "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
            "targets": [
                {"refId": chr(ord("A") + number), "datasource": source, "expr": asked, "legendFormat": legend}
                for number, (legend, asked) in enumerate(targets.items())
            ],
        }
        for place, (title, unit, targets) in enumerate(PANELS)
    ]
    return {
        "uid": "flowexport",
        "title": "flowexport serve",
        "schemaVersion": 39,
        "refresh": "5s",
        "time": {"from": "now-15m", "to": "now"},
        "panels": panels,
    }


COMPOSE = """\
# Made by flowexport deploy compose. All ports are this machine's alone.
services:
  flowexport:
    build: {context: ., dockerfile: Containerfile}
    ports: ["127.0.0.1:8000:8000", "127.0.0.1:8001:8001"]
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    stop_grace_period: 30s
    healthcheck:
      test: [CMD, python, -c, "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/v2/health/ready')"]
      timeout: 3s
      interval: 5s
  prometheus:
    image: prom/prometheus:v2.55.1
    ports: ["127.0.0.1:9090:9090"]
    volumes: ["./prometheus.yml:/etc/prometheus/prometheus.yml:ro"]
  grafana:
    image: grafana/grafana:11.3.0
    ports: ["127.0.0.1:3000:3000"]
    environment: {GF_AUTH_ANONYMOUS_ENABLED: "true", GF_AUTH_ANONYMOUS_ORG_ROLE: Viewer}
    volumes:
      - ./grafana/provisioning:/etc/grafana/provisioning:ro
      - ./grafana/dashboards:/var/lib/grafana/dashboards:ro
"""

PROMETHEUS = """\
global: {scrape_interval: 5s}
scrape_configs:
  - job_name: flowexport
    metrics_path: /metrics
    static_configs: [{targets: ["flowexport:8000"]}]
"""

SOURCE = """\
apiVersion: 1
datasources:
  - {name: Prometheus, uid: prometheus, type: prometheus, access: proxy, url: "http://prometheus:9090", isDefault: true}
"""

PROVIDER = """\
apiVersion: 1
providers:
  - {name: flowexport, type: file, options: {path: /var/lib/grafana/dashboards}}
"""
