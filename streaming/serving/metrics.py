"""Prometheus metrics of a server's requests, and the registry that `/metrics` renders.

Tests: tests/streaming/api/test_app.py.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class RequestMetrics:
    """Requests by method, route and status; nothing of the caller or of the objects requested."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("method", "route", "status")
        self.count = Counter("http_requests", "Requests answered", labels, registry=registry)
        self.seconds = Histogram(
            "http_request_seconds",
            "Time to the end of the response",
            ("method", "route"),
            buckets=BUCKETS_S,
            registry=registry,
        )
        self.active = Gauge("http_requests_active", "Requests being served", registry=registry)
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. The caller maps unknown methods to "other": labels must stay few."""
        key = (method, route, status)
        children = self._children.get(key)
        if children is None:
            children = (self.count.labels(method, route, status), self.seconds.labels(method, route))
            self._children[key] = children
        children[0].inc()
        children[1].observe(seconds)


async def get_registry(request: Request) -> CollectorRegistry:
    """The application's Prometheus registry."""
    registry: CollectorRegistry = request.app.state.registry
    return registry


RegistryDep = Annotated[CollectorRegistry, Depends(get_registry)]
