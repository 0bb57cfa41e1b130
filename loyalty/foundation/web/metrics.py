"""Metrics for Prometheus.

Other modules define theirs with prometheus_client alone; all are served here.
With several web processes, `PROMETHEUS_MULTIPROC_DIR` names the folder where
they add up, and must be set before the first import (config/gunicorn.py does).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from flask import Flask, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

_LABELS = ("method", "route", "status")
REQUESTS = Counter("http_requests", "Requests served.", _LABELS)
SECONDS = Histogram(
    "http_request_duration_seconds",
    "Time from a request's arrival to its answer.",
    _LABELS,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class _Children(NamedTuple):
    requests: Counter
    seconds: Histogram


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one request by its route template and class of status."""
    children = _children(method, route, f"{status // 100}xx")
    children.requests.inc()
    children.seconds.observe(seconds)


def install(app: Flask, *, directory: Path | None) -> None:
    """Serve what all processes that share `directory` have counted, or this one alone."""

    def show_metrics() -> Response:
        registry = REGISTRY
        if directory is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=str(directory))  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    app.add_url_rule("/metrics", view_func=show_metrics)


@lru_cache(maxsize=4096)
def _children(method: str, route: str, status: str) -> _Children:
    """Look the labels up once; methods, routes and classes are few."""
    labels = (method, route, status)
    return _Children(REQUESTS.labels(*labels), SECONDS.labels(*labels))
